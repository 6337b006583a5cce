"""Item neighbours: what was taken by those who took what this user took."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from services.core.bundle import read_array
from services.core.sources.source import History, Retrieved, RowMask, Rows, Scores, Source

NEIGHBOURS = "item_knn/neighbours.npy"
WEIGHTS = "item_knn/weights.npy"

# Larger temporary arrays come fresh from the operating system each time: that was ten times slower.
_LINKS_AT_ONCE = 1 << 14


class ItemKnnSource(Source):
    """score(j) = sum over history items i of w(i → j), kept for the K strongest neighbours of each item."""

    name: ClassVar[str] = "item_knn"

    def __init__(self, neighbours: Rows, weights: Scores) -> None:
        """neighbours: int32 [N+1, K], 0 where there are fewer than K; weights: float32 [N+1, K], positive."""
        self.neighbours = neighbours
        self.weights = weights

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the arrays of the bundle; raises BundleError."""
        return cls(
            read_array(bundle, NEIGHBOURS).astype(np.int32, copy=False),
            read_array(bundle, WEIGHTS).astype(np.float32, copy=False),
        )

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.neighbours) - 1

    def knows(self, history: History) -> bool:
        """Whether there is any history."""
        return len(history.rows) > 0

    def score(self, history: History) -> Scores:
        """Summed neighbour weights; 0 where nothing links the item to the history."""
        totals = np.zeros(len(self.neighbours))
        step = max(1, _LINKS_AT_ONCE // max(self.neighbours.shape[1], 1))
        for start in range(0, len(history.rows), step):
            rows = history.rows[start : start + step]
            totals += np.bincount(
                self.neighbours.take(rows, axis=0).ravel(),
                weights=self.weights.take(rows, axis=0).ravel(),
                minlength=len(totals),
            )
        scores: Scores = totals.astype(np.float32)
        scores[0] = -np.inf
        return scores

    def best_of(self, scores: Scores, count: int, open_rows: RowMask) -> Retrieved:
        """As of every source; an item that is nobody's neighbour (score 0) is not proposed."""
        found = super().best_of(scores, count, open_rows)
        # Best first: what is linked stands in front.
        linked = int(np.count_nonzero(found.scores > 0))
        return Retrieved(found.rows[:linked], found.scores[:linked])

    def similar(self, row: int, count: int) -> Retrieved:
        """At most ``count`` neighbours of one item, strongest first."""
        order = np.argsort(-self.weights[row], kind="stable")[:count]
        order = order[self.neighbours[row, order] > 0]
        return Retrieved(self.neighbours[row, order], self.weights[row, order])
