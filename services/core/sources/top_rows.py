"""The best rows of a score array, some rows left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NEVER = np.float32(-np.inf)


def top_rows(
    scores: NDArray[np.float32], count: int, excluded_rows: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The ``count`` best rows of ``scores`` (float32 [N+1]), best first, equal scores by row.

    Left out: row 0, ``excluded_rows`` (rows outside 0..N are ignored) and rows scored -inf.
    Returns rows int32 [k] and scores float32 [k] with k ≤ count.
    """
    return top_open_rows(scores, count, open_rows_without(excluded_rows, len(scores)))


def open_rows_without(excluded_rows: NDArray[np.int32], row_count: int) -> NDArray[np.bool_]:
    """Make bool [row_count]: all but ``excluded_rows``, of which those outside 1..N are ignored."""
    open_rows = np.ones(row_count, dtype=np.bool_)
    open_rows[excluded_rows[(excluded_rows > 0) & (excluded_rows < row_count)]] = False
    return open_rows


def top_open_rows(
    scores: NDArray[np.float32], count: int, open_rows: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """As ``top_rows``, but out of the rows that are open, bool [N+1]: one mask serves many sources."""
    if count <= 0:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
    open_scores: NDArray[np.float32] = np.where(open_rows, scores, _NEVER)
    open_scores[0] = _NEVER
    if count < len(open_scores):
        # All that ties with the last place takes part, so that the choice among equals is by row.
        place = len(open_scores) - count
        rows = np.flatnonzero(open_scores >= np.partition(open_scores, place)[place])
        open_scores = open_scores[rows]
    else:
        rows = np.arange(len(open_scores))
    best = (-open_scores).argsort(kind="stable")[:count]
    found = open_scores[best]
    # What is left out stands last.
    length = int(np.count_nonzero(found > _NEVER))
    return rows[best[:length]].astype(np.int32), found[:length]


def top_positive_rows(
    scores: NDArray[np.float32], count: int, open_rows: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """As ``top_open_rows``, of the rows scored above 0 alone.

    Where most of a catalogue is scored 0, several times faster than to order it all: equals are what partitions are
    slow at.
    """
    rows = ((scores > 0) & open_rows).nonzero()[0]
    rows = rows[rows > 0]
    found = scores[rows]
    if 0 < count < len(rows):
        place = len(found) - count
        within = found >= np.partition(found, place)[place]
        rows, found = rows[within], found[within]
    best = (-found).argsort(kind="stable")[: max(count, 0)]
    return rows[best].astype(np.int32), found[best]
