"""Merging: one set out of what several sources proposed, each candidate with the sources that proposed it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.core.candidate_set import CandidateSet


def merge(names: Sequence[str], proposals: Sequence[CandidateSet | None]) -> CandidateSet:
    """Interleave the proposals by rank: every source's best, then every source's second best, and so on.

    Args:
        names: Names of the sources; bit i of the masks is names[i].
        proposals: What each proposed, best first, or None when it gave nothing.

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
    item_ids = np.concatenate([proposal.item_ids for _, proposal in given])
    bits = np.concatenate([np.full(len(proposal), 1 << bit, np.uint32) for bit, proposal in given])
    ranks = np.concatenate([np.arange(len(proposal)) for _, proposal in given])
    # One integer key an item: sorting integers is far cheaper than sorting strings.
    position_of: dict[str, int] = {}
    keys = np.fromiter((position_of.setdefault(item, len(position_of)) for item in item_ids), np.intp)
    masks = np.zeros(len(position_of), np.uint32)
    np.bitwise_or.at(masks, keys, bits)
    best_first = np.argsort(ranks, kind="stable")
    _, first = np.unique(keys[best_first], return_index=True)
    order = best_first[np.sort(first)]
    shared = set.intersection(*(set(proposal.columns) for _, proposal in given))
    columns = {
        name: np.concatenate([proposal.columns[name] for _, proposal in given])[order] for name in sorted(shared)
    }
    first_labels = given[0][1].labels
    labels = {
        name: names_along
        for name, names_along in first_labels.items()
        if all(proposal.labels.get(name) == names_along for _, proposal in given)
    }
    versions = {proposal.bundle_version for _, proposal in given}
    return CandidateSet(
        item_ids[order],
        tuple(names),
        masks[keys[order]],
        columns,
        labels,
        versions.pop() if len(versions) == 1 else "",
        tuple(dict.fromkeys(reason for _, proposal in given for reason in proposal.degraded_reasons)),
    )
