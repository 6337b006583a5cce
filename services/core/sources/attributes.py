"""Attributes: what is like the things this user took lately, by what the catalogue says of them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import read_array
from services.core.sources.source import History, Retrieved, RowMask, Rows, Scores, Source
from services.core.sources.top_rows import top_positive_rows

STARTS = "attributes/starts.npy"
CODES = "attributes/codes.npy"
WEIGHTS = "attributes/weights.npy"

_NEWEST = 50


class AttributesSource(Source):
    """score(j) = Σ_n 1/n · cosine(item j, n-th newest item), an item being its attributes weighted by rarity.

    The one source that knows items which nobody has taken yet.
    """

    name: ClassVar[str] = "attributes"

    def __init__(self, starts: NDArray[np.int64], codes: NDArray[np.int32], weights: Scores) -> None:
        """Item row r has the attributes codes[starts[r]:starts[r+1]] (int32 [A]) with weights (float32 [A])."""
        self.starts = starts
        self.codes = codes
        self.weights = weights
        self._rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        self._count = int(codes.max()) + 1 if len(codes) else 0

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the arrays of the bundle; raises BundleError."""
        return cls(
            read_array(bundle, STARTS).astype(np.int64, copy=False),
            read_array(bundle, CODES).astype(np.int32, copy=False),
            read_array(bundle, WEIGHTS).astype(np.float32, copy=False),
        )

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.starts) - 2

    def knows(self, history: History) -> bool:
        """Whether there is any history."""
        return len(history.rows) > 0

    def score(self, history: History) -> Scores:
        """Weighted cosines; 0 where no attribute is shared."""
        weights = self._profile(history)[self.codes] * self.weights
        scores: Scores = np.bincount(self._rows, weights=weights, minlength=len(self.starts) - 1).astype(np.float32)
        scores[0] = -np.inf
        return scores

    def score_rows(self, history: History, rows: Rows) -> Scores:
        """Scores of the given rows alone, without scoring the catalogue."""
        places, owners = self._places(rows)
        weights = self._profile(history)[self.codes[places]] * self.weights[places]
        return np.bincount(owners, weights=weights, minlength=len(rows)).astype(np.float32)

    def best_of(self, scores: Scores, count: int, open_rows: RowMask) -> Retrieved:
        """As of every source; an item that shares nothing (score 0) is not proposed."""
        return Retrieved(*top_positive_rows(scores, count, open_rows))

    def _profile(self, history: History) -> NDArray[np.float64]:
        """float64 [attributes]: the weighted sum of the newest items' attributes."""
        rows = history.rows[-_NEWEST:]
        places, owners = self._places(rows)
        shares = 1.0 / np.arange(len(rows), 0, -1)
        weights = self.weights[places] * shares[owners]
        return np.bincount(self.codes[places], weights=weights, minlength=self._count).astype(np.float64, copy=False)

    def _places(self, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the attributes of rows stand, and to which place in ``rows`` each belongs: int64 [P] each."""
        counts = self.starts[rows + 1] - self.starts[rows]
        owners = np.repeat(np.arange(len(rows)), counts)
        before = np.cumsum(counts) - counts
        return self.starts[rows][owners] + np.arange(len(owners)) - before[owners], owners
