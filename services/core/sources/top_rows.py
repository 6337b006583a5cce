"""The best rows of a score array, some rows left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def top_rows(
    scores: NDArray[np.float32], count: int, excluded_rows: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The ``count`` best rows of ``scores`` (float32 [N+1]), best first, equal scores by row.

    Left out: row 0, ``excluded_rows`` (rows outside 0..N are ignored) and rows scored -inf.
    Returns rows int32 [k] and scores float32 [k] with k ≤ count.
    """
    if count <= 0:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
    open_scores: NDArray[np.float32] = scores.copy()
    open_scores[0] = -np.inf
    open_scores[excluded_rows[(excluded_rows > 0) & (excluded_rows < len(scores))]] = -np.inf
    if count < len(open_scores):
        # All that ties with the last place takes part, so that the choice among equals is by row.
        threshold = np.partition(open_scores, len(open_scores) - count)[len(open_scores) - count]
        rows = np.flatnonzero(open_scores >= threshold)
    else:
        rows = np.arange(len(open_scores))
    best = rows[np.argsort(-open_scores[rows], kind="stable")[:count]]
    best = best[open_scores[best] > -np.inf]
    return best.astype(np.int32), open_scores[best]
