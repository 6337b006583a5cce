"""What categories mean: learnt from the texts of the items that have them.

Ridge regression (Hoerl and Kennard 1970) of having a category on what items say. A phrase goes through it as if it were
an item's text: "love story" is much like what films of the category "Romance" say, though the two have no word in
common, and the names of most categories alone say little to a text encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.category_sets import CategorySets

Float32 = NDArray[np.float32]

_LEAST_ITEMS = 10
_MOST_FITTED = 20_000
_PENALTY = 20.0
# Below, categories that are hardly meant push in.
_FROM = 1.0
_SMALL = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class CategoryMeanings:
    """directions: float32 [V, W], zeros where nothing was learnt. levels: float32 [V]. fitted_count: of how many texts.

    Of a text t, float32 [W], directions @ t - levels is how much it says that an item has each category, in standard
    deviations over the items.
    """

    directions: Float32
    levels: Float32
    fitted_count: int = 0

    @classmethod
    def none(cls, width: int) -> Self:
        """Of no categories at all."""
        return cls(np.zeros((0, width), np.float32), np.zeros(0, np.float32))

    @classmethod
    def fit(cls, vectors: Float32, set_numbers: NDArray[np.int32], sets: CategorySets) -> Self:
        """Learn of categories that ten items have at least. O(min(S, 20,000) · W² + W³).

        vectors: float32 [S, W], of texts. set_numbers: int32 [S], which of the sets each item has.
        """
        # Evenly spaced, so that equal catalogues give equal meanings.
        chosen = np.linspace(0, len(vectors) - 1, min(len(vectors), _MOST_FITTED)).astype(np.intp)
        texts, numbers = vectors[chosen], set_numbers[chosen]
        count, width = len(sets.names), vectors.shape[1]
        directions, levels = np.zeros((count, width), np.float32), np.zeros(count, np.float32)
        items_of = _items_of_each(numbers, sets)
        common = [place for place in range(count) if len(items_of[place]) >= _LEAST_ITEMS]
        if common:
            centre = texts.mean(axis=0)
            centred = texts - centre
            together = np.stack([centred[items_of[place]].sum(axis=0) for place in common])
            gram = centred.T @ centred + np.float32(_PENALTY) * np.eye(width, dtype=np.float32)
            learnt = np.linalg.solve(gram, together.T)
            learnt /= np.maximum((centred @ learnt).std(axis=0), _SMALL)
            directions[common] = learnt.T
            levels[common] = centre @ learnt
        return cls(directions, levels, len(vectors))

    def of(self, phrase: Float32) -> Float32:
        """float32 [V]: by how much a phrase float32 [W] says each category more than most texts do, 0 for not more."""
        meant: Float32 = np.maximum(self.directions @ phrase - self.levels - np.float32(_FROM), 0)
        return meant


def _items_of_each(set_numbers: NDArray[np.int32], sets: CategorySets) -> list[NDArray[np.intp]]:
    """V times int64: places of the items that have each category."""
    offsets, categories = sets.places(set_numbers)
    items = np.repeat(np.arange(len(set_numbers)), np.diff(offsets))[np.argsort(categories, kind="stable")]
    ends = np.cumsum(np.bincount(categories, minlength=len(sets.names)))
    return np.split(items, ends[:-1])
