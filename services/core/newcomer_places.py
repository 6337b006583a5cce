"""Places for newcomers: items that nobody can judge yet are shown to some, or nobody ever could."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet

# In a shorter slate one place would be too large a share.
_SHORTEST = 5


def proposed_by(candidates: CandidateSet, source: str) -> NDArray[np.bool_]:
    """Bool [C]: whether that source is among those that proposed it."""
    if source not in candidates.sources:
        return np.zeros(len(candidates), np.bool_)
    bit = np.uint32(1 << candidates.sources.index(source))
    proposed: NDArray[np.bool_] = (candidates.source_masks & bit) != 0
    return proposed


def with_newcomers(
    order: NDArray[np.intp], scores: NDArray[np.float64], newcomers: NDArray[np.bool_], share: float
) -> NDArray[np.intp]:
    """Return the order with one newcomer in every 1 / share places, while there are any.

    Where a stretch of that many places holds one by its score already, it stays as it is. Else the newcomer of the
    largest score that is not placed yet takes the stretch's last place, and what stood there and below moves down.

    Args:
        order: intp [K], indexes of candidates, best first.
        scores: float64 [C].
        newcomers: bool [C].
        share: Of the places, 0 to 1; 0 leaves the order alone.
    """
    if share <= 0 or len(order) < _SHORTEST or not newcomers.any():
        return order
    stretch = max(1, round(1 / share))
    waiting = np.flatnonzero(newcomers)
    left = waiting[np.argsort(-scores[waiting], kind="stable")].tolist()
    placed = order.tolist()
    for start in range(0, len(placed), stretch):
        end = min(start + stretch, len(placed))
        if end - start < min(stretch, _SHORTEST):
            break
        here = [index for index in placed[start:end] if newcomers[index]]
        left = [index for index in left if index not in here]
        if here or not left:
            continue
        chosen = left.pop(0)
        if chosen in placed:
            placed.remove(chosen)
            placed.insert(end - 1, chosen)
        else:
            placed.insert(end - 1, chosen)
            placed.pop()
    return np.array(placed, np.intp)
