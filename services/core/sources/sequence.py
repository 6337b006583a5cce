"""Sequence: the Transformer's user vector against the item vectors."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np

from services.core.bundle import read_array
from services.core.sources.source import NOTHING, History, Retrieved, RowMask, Rows, Scores, Source

ITEM_VECTORS = "sequence/item_vectors.npy"
INDEX = "sequence/index.usearch"

# An index that has to find more than this, or a larger share of its items than this, is slower than comparing
# everything: it walks through most of them one by one, where one product reads them in a row.
_MOST_SEARCHED = 10_000
_LARGEST_SHARE = 0.1


class VectorIndex(Protocol):
    """An approximate nearest-neighbour index over the item vectors, keys = rows, by inner product."""

    def search(self, vector: Scores, count: int) -> Rows:
        """About the ``count`` rows of largest inner product with ``vector`` (float32 [D]): int32 [k], distinct."""
        ...


class SequenceSource(Source):
    """score(j) = user_vector · item_vector_j, the very number that the ranker's Transformer part gives.

    Exact over the whole catalogue, or with an index: the index proposes, the exact inner product orders.
    """

    name: ClassVar[str] = "sequence"
    needs_user_vector: ClassVar[bool] = True

    def __init__(self, item_vectors: Scores, index: VectorIndex | None = None) -> None:
        """item_vectors: float32 [N+1, D], row 0 zero."""
        self.item_vectors = item_vectors
        self._index = index

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the arrays of the bundle; raises BundleError."""
        return cls(read_array(bundle, ITEM_VECTORS).astype(np.float32, copy=False))

    def with_index(self, index: VectorIndex) -> Self:
        """The same source, retrieving through ``index``; what builds an index stays outside the core."""
        return type(self)(self.item_vectors, index)

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.item_vectors) - 1

    @property
    def retrieves_by_scores(self) -> bool:
        """Not through an index."""
        return self._index is None

    def knows(self, history: History) -> bool:
        """Whether the caller brought a user vector."""
        return history.user_vector is not None

    def score(self, history: History) -> Scores:
        """Inner products with the user vector; 0 without one."""
        scores = np.zeros(len(self.item_vectors), dtype=np.float32)
        if history.user_vector is not None:
            np.dot(self.item_vectors, history.user_vector, out=scores)
        scores[0] = -np.inf
        return scores

    def score_rows(self, history: History, rows: Rows) -> Scores:
        """Scores of the given rows alone, without scoring the catalogue."""
        if history.user_vector is None:
            return np.zeros(len(rows), dtype=np.float32)
        scores: Scores = self.item_vectors[rows] @ history.user_vector
        return scores

    def retrieve_open(self, history: History, count: int, open_rows: RowMask) -> Retrieved:
        """Exact best items, or the index's proposals in exact order; exact too where most items are closed."""
        if self._index is None or history.user_vector is None:
            return super().retrieve_open(history, count, open_rows)
        if count <= 0:
            return NOTHING
        # The index knows nothing of what is closed: ask for as many more as could be thrown out.
        closed_count = self.item_count - int(np.count_nonzero(open_rows[1:]))
        wanted = min(count + closed_count, self.item_count)
        if wanted > min(_MOST_SEARCHED, _LARGEST_SHARE * self.item_count):
            return super().retrieve_open(history, count, open_rows)
        rows = self._index.search(history.user_vector, wanted)
        rows = np.sort(rows[open_rows[rows] & (rows > 0)])
        scores = self.score_rows(history, rows)
        best = (-scores).argsort(kind="stable")[:count]
        return Retrieved(rows[best], scores[best])
