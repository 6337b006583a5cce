"""Selector: the best scores first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet
from services.core.pipeline.chain import SCORE
from services.core.query import Query


class ScoreSelector:
    """Orders by the score, equal ones as the merge put them, and cuts."""

    name = "score"
    requires = frozenset({SCORE})

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def select(self, query: Query, candidates: CandidateSet) -> NDArray[np.intp]:
        """Return the indexes of the query.count best."""
        scores = candidates.columns[SCORE].astype(np.float64)
        return np.argsort(-scores, kind="stable")[: query.count]
