"""The policy that arranges the slate: by score, at a small price for being like what stands above.

Maximal marginal relevance over categories (Carbonell and Goldstein 1998). Place by place it takes the item of largest
score / σ − strength · likeness,  where σ is the standard deviation of the scores that compete and likeness the mean
cosine between the item's categories and those placed above.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# People look at the top of a slate; below, score alone decides.
_DIVERSE_PLACES = 50
_POOL_PER_PLACE = 4


def diverse_order(
    scores: NDArray[np.float64], categories: NDArray[np.bool_], count: int, strength: float
) -> NDArray[np.intp]:
    """Return at most ``count`` indexes of candidates, best first; equal scores in the order of the candidates.

    Args:
        scores: float64 [C].
        categories: bool [C, K], which candidate has which category; K may be 0.
        count: Places to fill.
        strength: Price of full likeness in standard deviations of the score; 0 orders by score.
    """
    order = np.argsort(-scores, kind="stable")
    if strength <= 0 or not categories.shape[1]:
        return order[:count]
    places = min(count, _DIVERSE_PLACES, len(order))
    pool = order[: _POOL_PER_PLACE * places]
    vectors = categories[pool].astype(np.float64)
    vectors /= np.sqrt(np.maximum(vectors.sum(axis=1, keepdims=True), 1.0))
    top = arranged(scores[pool], vectors, places, strength)
    if count <= places:
        return pool[top]
    rest = order[~np.isin(order, pool[top])]
    return np.concatenate([pool[top], rest[: count - places]])


def arranged(
    scores: NDArray[np.float64], vectors: NDArray[np.float64], places: int, strength: float
) -> NDArray[np.intp]:
    """Return ``places`` indexes into scores [P], best first, by maximal marginal relevance over unit vectors [P, K]."""
    spread = float(scores.std())
    value = scores / spread if spread > 0 else np.zeros_like(scores)
    likeness = np.zeros(len(scores))
    likenesses = vectors @ vectors.T
    chosen: list[int] = []
    for place in range(places):
        best = int((value - likeness * (strength / place) if place else value).argmax())
        chosen.append(best)
        value[best] = -np.inf
        likeness += likenesses[best]
    return np.array(chosen, np.intp)
