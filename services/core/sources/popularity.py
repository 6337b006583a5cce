"""Popularity: what everybody has taken lately."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from services.core.bundle import read_array
from services.core.sources.source import History, Retrieved, RowMask, Scores, Source

SCORES = "popularity/scores.npy"


class PopularitySource(Source):
    """Time-decayed interaction counts, the same for every user: the answer for those nobody knows yet."""

    name: ClassVar[str] = "popularity"

    def __init__(self, scores: Scores) -> None:
        """scores: float32 [N+1], row 0 = -inf."""
        self.scores = scores
        self.scores.setflags(write=False)
        best_first = np.argsort(-scores, kind="stable").astype(np.int32)
        self._best_first = best_first[scores[best_first] > -np.inf]

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the arrays of the bundle; raises BundleError."""
        return cls(read_array(bundle, SCORES).astype(np.float32, copy=False))

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.scores) - 1

    def knows(self, history: History) -> bool:  # noqa: ARG002
        """Always: popular is popular for everybody."""
        return True

    def score(self, history: History) -> Scores:  # noqa: ARG002
        """The stored scores."""
        return self.scores

    def best_of(self, scores: Scores, count: int, open_rows: RowMask) -> Retrieved:
        """As of every source; the scores are the same for everybody, and so is their order, made once."""
        count = max(count, 0)
        closed_count = len(open_rows) - int(np.count_nonzero(open_rows))
        head = self._best_first[: count + closed_count]
        rows = head[open_rows[head]][:count]
        return Retrieved(rows, scores[rows])
