"""What all sources share that keep, for every item, its strongest neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import read_array
from services.core.sources.source import History, Retrieved, RowMask, Rows, Scores, Source
from services.core.sources.top_rows import top_positive_rows

# Larger temporary arrays come fresh from the operating system each time: that was ten times slower.
_LINKS_AT_ONCE = 1 << 14


class NeighbourSource(Source):
    """score(j) = sum over history items i of share(age of i) · w(i → j), w kept for the K strongest of each item."""

    def __init__(self, neighbours: Rows, weights: Scores) -> None:
        """neighbours: int32 [N+1, K], 0 where there are fewer than K; weights: float32 [N+1, K], positive."""
        self.neighbours = neighbours
        self.weights = weights

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the arrays of the bundle; raises BundleError."""
        return cls(
            read_array(bundle, cls.neighbours_file()).astype(np.int32, copy=False),
            read_array(bundle, cls.weights_file()).astype(np.float32, copy=False),
        )

    @classmethod
    def neighbours_file(cls) -> str:
        """Where the bundle keeps the neighbours."""
        return f"{cls.name}/neighbours.npy"

    @classmethod
    def weights_file(cls) -> str:
        """Where the bundle keeps their weights."""
        return f"{cls.name}/weights.npy"

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.neighbours) - 1

    def knows(self, history: History) -> bool:
        """Whether there is any history."""
        return len(history.rows) > 0

    def history_part(self, history: History) -> tuple[Rows, NDArray[np.float32] | None]:
        """The rows int32 [L] that count and each one's share float32 [L]; None: all alike."""
        return history.rows, None

    def score(self, history: History) -> Scores:
        """Summed neighbour weights; 0 where nothing links the item to the history."""
        totals = np.zeros(len(self.neighbours))
        taken, shares = self.history_part(history)
        step = max(1, _LINKS_AT_ONCE // max(self.neighbours.shape[1], 1))
        for start in range(0, len(taken), step):
            rows = taken[start : start + step]
            weights = self.weights.take(rows, axis=0)
            if shares is not None:
                weights = weights * shares[start : start + step, None]
            totals += np.bincount(
                self.neighbours.take(rows, axis=0).ravel(), weights=weights.ravel(), minlength=len(totals)
            )
        scores: Scores = totals.astype(np.float32)
        scores[0] = -np.inf
        return scores

    def best_of(self, scores: Scores, count: int, open_rows: RowMask) -> Retrieved:
        """As of every source; an item that is nobody's neighbour (score 0) is not proposed."""
        return Retrieved(*top_positive_rows(scores, count, open_rows))

    def similar(self, row: int, count: int) -> Retrieved:
        """At most ``count`` neighbours of one item, strongest first."""
        order = np.argsort(-self.weights[row], kind="stable")[:count]
        order = order[self.neighbours[row, order] > 0]
        return Retrieved(self.neighbours[row, order], self.weights[row, order])
