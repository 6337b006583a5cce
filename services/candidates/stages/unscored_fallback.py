"""Fallback scorer: no source scores, when there was no time left for them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from services.candidates.stages.source_scorer import SOURCE_SCORES
from services.core.candidate_set import CandidateSet, Column
from services.core.pipeline.chain import SCORE
from services.core.query import Query


class UnscoredFallback:
    """Fills 0 for every source: candidates without features are better than none."""

    name = "unscored_fallback"
    requires: frozenset[str] = frozenset()
    provides = frozenset({SOURCE_SCORES, SCORE})

    def __init__(self, source_count: int) -> None:
        self._source_count = source_count

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:  # noqa: ARG002
        """Return float32 [C, S] of 0, and as the score the order of the merge."""
        count = len(candidates)
        return {
            SOURCE_SCORES: np.zeros((count, self._source_count), np.float32),
            SCORE: np.arange(count, 0, -1, dtype=np.float32) / max(count, 1),
        }
