"""Scorer: how alike two items are, by behaviour and by vector."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.candidates.stages.resolved_query import ROW, resolved
from services.core.candidate_set import CandidateSet, Column
from services.core.pipeline.chain import SCORE
from services.core.query import Query
from services.core.sources.item_knn import ItemKnnSource
from services.core.sources.sequence import SequenceSource

_BEHAVIOUR_SHARE = 0.5


class SimilarityScorer:
    """score = half the neighbour's weight as a share of the strongest, half the cosine of the item vectors.

    Where the bundle has only one of the two, that one counts alone.
    """

    name = "similarity_scorer"
    requires = frozenset({ROW})
    provides = frozenset({SCORE})

    def __init__(self, neighbours: ItemKnnSource | None, vectors: SequenceSource | None) -> None:
        self._neighbours = neighbours
        self._vectors = vectors

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:
        """Return float32 [C], at most 1."""
        known = resolved(query)
        row = int(known.view.row_of_slot[known.named_slots[0]])
        rows: NDArray[np.int32] = candidates.columns[ROW].astype(np.int32)
        if self._vectors is None:
            return {SCORE: self._by_behaviour(row, rows)}
        if self._neighbours is None:
            return {SCORE: self._by_vector(row, rows)}
        score = _BEHAVIOUR_SHARE * self._by_behaviour(row, rows) + (1 - _BEHAVIOUR_SHARE) * self._by_vector(row, rows)
        return {SCORE: score.astype(np.float32)}

    def _by_behaviour(self, row: int, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        scores = np.zeros(len(rows), np.float32)
        if self._neighbours is None:
            return scores
        near = self._neighbours.similar(row, self._neighbours.item_count)
        if len(near.rows):
            by_row = np.argsort(near.rows)
            places = np.minimum(np.searchsorted(near.rows, rows, sorter=by_row), len(near.rows) - 1)
            found = by_row[places]
            linked = near.rows[found] == rows
            scores[linked] = near.scores[found[linked]] / near.scores[0]
        return scores

    def _by_vector(self, row: int, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        if self._vectors is None:
            return np.zeros(len(rows), np.float32)
        vectors = self._vectors.item_vectors
        lengths = np.linalg.norm(vectors[rows], axis=1) * np.linalg.norm(vectors[row])
        cosines: NDArray[np.float32] = (vectors[rows] @ vectors[row]) / np.maximum(lengths, np.float32(1e-12))
        return cosines.astype(np.float32)
