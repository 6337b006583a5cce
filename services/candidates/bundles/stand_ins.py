"""Stand-ins: for a newcomer in a history, the known item that it is most like, so that the models can read it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.candidates.bundles.newcomers import Newcomers, NewcomerTable

_SMALL = 1e-12


class StandIns:
    """The stand-ins of one bundle's newcomers.

    stand_in(v) = argmax_i cos(v - μ, x_i - μ) over the known items' vectors x_i with the mean μ: what all items have in
    common makes none of them alike, and an item that everybody takes, whose vector is long, is not like everything.
    """

    def __init__(self, newcomers: Newcomers, item_vectors: NDArray[np.float32]) -> None:
        """item_vectors: float32 [N+1, D], row 0 padding."""
        self._newcomers = newcomers
        self._item_vectors = item_vectors
        self._mean = item_vectors[1:].mean(axis=0)
        # |x - μ|² without a copy of the vectors, of which there may be millions.
        squares = np.einsum("nd,nd->n", item_vectors, item_vectors) - 2 * item_vectors @ self._mean
        self._lengths = np.sqrt(np.maximum(squares + self._mean @ self._mean, _SMALL)).astype(np.float32)
        # Found once for each newcomer, as long as the table stays the same.
        self._found: tuple[NewcomerTable, dict[int, int]] = (newcomers.table, {})

    def rows(self, slots: NDArray[np.int32]) -> NDArray[np.int32]:
        """int32 [L]: the row that stands in for each slot, 0 where the slot's item is no newcomer."""
        table = self._newcomers.table
        if self._found[0] is not table:
            self._found = (table, {})
        found = self._found[1]
        known, places = table.places(slots)
        rows = np.zeros(len(slots), np.int32)
        for at, place in zip(np.flatnonzero(known).tolist(), places.tolist(), strict=True):
            if place not in found:
                found[place] = self._nearest(table.vectors[place, : self._newcomers.width])
            rows[at] = found[place]
        return rows

    def _nearest(self, vector: NDArray[np.float32]) -> int:
        away = vector - self._mean
        likeness = (self._item_vectors @ away - self._mean @ away) / self._lengths
        return int(likeness[1:].argmax()) + 1
