"""Scorer: the order itself, where there is no bundle to score with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from services.candidates.stages.source_scorer import SOURCE_SCORES
from services.core.candidate_set import CandidateSet, Column
from services.core.pipeline.chain import SCORE
from services.core.query import Query


class OrderScorer:
    """Scores from 1 down to above 0, as the lone source's score too."""

    name = "order_scorer"
    requires: frozenset[str] = frozenset()
    provides = frozenset({SOURCE_SCORES, SCORE})

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:  # noqa: ARG002
        """Return the score, float32 [C], and the same as float32 [C, 1]."""
        score = np.arange(len(candidates), 0, -1, dtype=np.float32) / max(len(candidates), 1)
        return {SOURCE_SCORES: score[:, np.newaxis], SCORE: score}
