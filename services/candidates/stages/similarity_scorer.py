"""Scorer: how alike two items are, by behaviour and by vector."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.text_index import TextIndex
from services.candidates.stages.resolved_query import ROW, SLOT, resolved
from services.core.candidate_set import CandidateSet, Column
from services.core.pipeline.chain import SCORE
from services.core.query import Query
from services.core.sources.item_knn import ItemKnnSource
from services.core.sources.sequence import SequenceSource

_BEHAVIOUR_SHARE, _VECTOR_SHARE, _TEXT_SHARE = 0.4, 0.4, 0.2


class SimilarityScorer:
    """score = the weighted mean of what is known of the named item.

    0.4 · the neighbour's weight as a share of the strongest, 0.4 · the cosine of the item vectors, 0.2 · the cosine of
    the text vectors. What the named item has nothing of counts nothing: a new item is compared by its text alone.
    """

    name = "similarity_scorer"
    requires = frozenset({ROW, SLOT})
    provides = frozenset({SCORE})

    def __init__(self, neighbours: ItemKnnSource | None, vectors: SequenceSource | None, texts: TextIndex) -> None:
        self._neighbours = neighbours
        self._vectors = vectors
        self._texts = texts

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:
        """Return float32 [C], at most 1."""
        known = resolved(query)
        slot = int(known.named_slots[0])
        row = int(known.view.row_of_slot[slot])
        rows: NDArray[np.int32] = candidates.columns[ROW].astype(np.int32)
        parts: list[tuple[float, NDArray[np.float32]]] = []
        if row and self._neighbours is not None:
            parts.append((_BEHAVIOUR_SHARE, self._by_behaviour(row, rows)))
        if row and self._vectors is not None:
            parts.append((_VECTOR_SHARE, self._by_vector(row, rows)))
        table = self._texts.table
        if slot < len(table.says) and table.says[slot]:
            parts.append((_TEXT_SHARE, table.likeness(slot, candidates.columns[SLOT].astype(np.int32))))
        total = sum(share for share, _ in parts)
        score = np.zeros(len(rows), np.float32)
        for share, part in parts:
            score += np.float32(share / total) * part
        return {SCORE: score}

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
