"""LightGCN: item vectors propagated over the graph of who took what, the user folded in from the history."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from services.core.bundle import read_array
from services.core.sources.source import History, Rows, Scores, Source

ITEM_VECTORS = "lightgcn/item_vectors.npy"
NEIGHBOUR_VECTORS = "lightgcn/neighbour_vectors.npy"

_SMALLEST = 1e-12


class LightGcnSource(Source):
    """score(j) = cosine of the item's vector z_j and the user's x = Σ z_i / √d_i over the distinct items i taken.

    z: the mean of an item's layers, d: its degree in the graph. A user of the graph has layers of that very sum
    (He et al. 2020, with nothing of the user's own in layer 0), divided by the root of the user's degree, which the
    cosine does not see: so a user whom training never saw is where the graph would have put them.
    """

    name: ClassVar[str] = "lightgcn"

    def __init__(self, item_vectors: Scores, neighbour_vectors: Scores) -> None:
        """item_vectors: float32 [N+1, D], z of length 1; neighbour_vectors: float32 [N+1, D], z / √d. Row 0 zero."""
        self.item_vectors = item_vectors
        self.neighbour_vectors = neighbour_vectors

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the arrays of the bundle; raises BundleError."""
        return cls(
            read_array(bundle, ITEM_VECTORS).astype(np.float32, copy=False),
            read_array(bundle, NEIGHBOUR_VECTORS).astype(np.float32, copy=False),
        )

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.item_vectors) - 1

    def knows(self, history: History) -> bool:
        """Whether there is any history."""
        return len(history.rows) > 0

    def score(self, history: History) -> Scores:
        """Cosines with the folded-in user; 0 for an empty history."""
        scores: Scores = self.item_vectors @ self._user_vector(history)
        scores[0] = -np.inf
        return scores

    def score_rows(self, history: History, rows: Rows) -> Scores:
        """Scores of the given rows alone, without scoring the catalogue."""
        scores: Scores = self.item_vectors[rows] @ self._user_vector(history)
        return scores

    def _user_vector(self, history: History) -> Scores:
        """float32 [D], of length 1 or, where nothing is known of the history's items, 0."""
        total = self.neighbour_vectors[np.unique(history.rows)].sum(axis=0)
        unit: Scores = (total / max(float(np.linalg.norm(total)), _SMALLEST)).astype(np.float32)
        return unit
