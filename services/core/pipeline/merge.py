"""Merging: one set out of what several sources proposed, each candidate with the sources that proposed it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import ITEM_KEY, CandidateSet

# Up to so many table entries a candidate, keys are looked up in a table; sparser keys are numbered first.
_TABLE_ENTRIES_A_CANDIDATE = 256


def merge(names: Sequence[str], proposals: Sequence[CandidateSet | None]) -> CandidateSet:
    """Interleave the proposals by rank: every source's best, then every source's second best, and so on.

    Args:
        names: Names of the sources; bit i of the masks is names[i].
        proposals: What each proposed, best first, or None when it gave nothing. Where all of them bring the column
            ITEM_KEY, items are told apart by it instead of by their ids, which is much faster.

    Returns:
        Unique candidates in order of their best rank in any source (ties by source order). The columns and labels
        are those that all proposals share. The proposal of an only source keeps its own sources, masks and origin:
        it is a merged set already.
    """
    if len(names) == 1 and proposals[0] is not None and proposals[0].sources:
        return proposals[0]
    given = [(bit, proposal) for bit, proposal in enumerate(proposals) if proposal is not None and len(proposal)]
    if not given:
        return CandidateSet.empty(tuple(names))
    shared = set.intersection(*(set(proposal.columns) for _, proposal in given))
    columns = {name: np.concatenate([proposal.columns[name] for _, proposal in given]) for name in sorted(shared)}
    item_ids = np.concatenate([proposal.item_ids for _, proposal in given])
    keys = _table_keys(columns[ITEM_KEY]) if ITEM_KEY in columns else _numbered(item_ids)
    table_length = int(keys.max()) + 1
    order = _first_by_rank(keys, table_length, tuple(len(proposal) for _, proposal in given))
    masks = np.zeros(table_length, np.uint32)
    start = 0
    for bit, proposal in given:
        masks[keys[start : start + len(proposal)]] |= np.uint32(1 << bit)
        start += len(proposal)
    labels = {
        name: names_along
        for name, names_along in given[0][1].labels.items()
        if all(proposal.labels.get(name) == names_along for _, proposal in given)
    }
    versions = {proposal.bundle_version for _, proposal in given}
    return CandidateSet(
        item_ids[order],
        tuple(names),
        masks[keys[order]],
        {name: column[order] for name, column in columns.items()},
        labels,
        versions.pop() if len(versions) == 1 else "",
        tuple(dict.fromkeys(reason for _, proposal in given for reason in proposal.degraded_reasons)),
    )


def merged_rows(proposals: Sequence[NDArray[np.int32]], count: int) -> NDArray[np.int32]:
    """The same order for lists of rows alone, each best first: at most ``count`` distinct rows, int32."""
    given = [rows for rows in proposals if len(rows)]
    if not given:
        return np.empty(0, np.int32)
    rows = np.concatenate(given)
    keys = _table_keys(rows)
    order = _first_by_rank(keys, int(keys.max()) + 1, tuple(map(len, given)))
    return rows[order[:count]]


def _numbered(item_ids: NDArray[np.object_]) -> NDArray[np.intp]:
    """Number the distinct ids as they come: intp [C]."""
    number_of: dict[str, int] = {}
    return np.fromiter((number_of.setdefault(item_id, len(number_of)) for item_id in item_ids), np.intp)


def _table_keys(item_keys: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return keys from 0 that are dense enough to index a table: intp [C]."""
    keys: NDArray[np.intp] = item_keys.astype(np.intp)
    if int(keys.min()) < 0 or int(keys.max()) >= _TABLE_ENTRIES_A_CANDIDATE * len(keys):
        keys = np.unique(keys, return_inverse=True)[1]
    return keys


def _first_by_rank(keys: NDArray[np.intp], table_length: int, lengths: tuple[int, ...]) -> NDArray[np.intp]:
    """Return where each distinct key, all below `table_length`, first stands when all is read by rank, then source."""
    best_first = _reading_order(lengths)
    read = keys[best_first]
    places = np.arange(len(read))
    first_place = np.empty(table_length, np.intp)
    # Of several writes to one entry the last stays: written backwards, that is the first in reading order.
    first_place[read[::-1]] = places[::-1]
    order: NDArray[np.intp] = best_first[first_place[read] == places]
    return order


@lru_cache(maxsize=64)
def _reading_order(lengths: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the places of lists that stand one behind the other, by rank, then by list; kept, as lengths recur."""
    # A row a rank and a column a list, read row by row, is that order; what a short column lacks is -1.
    table = np.full((max(lengths), len(lengths)), -1, np.intp)
    start = 0
    for column, length in enumerate(lengths):
        table[:length, column] = np.arange(start, start + length)
        start += length
    order: NDArray[np.intp] = table[table >= 0]
    order.setflags(write=False)
    return order
