"""Scores without the ranker: the sources' own scores, fused by rank."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet, Column
from services.core.query import Query

# Reciprocal rank fusion (Cormack et al. 2009): its usual constant.
_RANK_OFFSET = 60.0


class CandidateScorer:
    """score = sum over sources of 1 / (60 + rank in that source); the order of the candidates where none says anything.

    Provides float64 [C] "score" and float32 [C, 0] "predictions".
    """

    name = "candidate_scores"
    requires = frozenset({"source_scores"})
    provides = frozenset({"score", "predictions"})

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:  # noqa: ARG002
        """Return the fused scores."""
        return {
            "score": fused_ranks(np.asarray(candidates.columns["source_scores"], np.float32)),
            "predictions": np.empty((len(candidates), 0), np.float32),
        }


def fused_ranks(source_scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return float64 [C] fused from scores [C, S]; a source that scores all alike has no voice."""
    count = len(source_scores)
    ranks = np.arange(count)[:, None]
    telling = np.ptp(source_scores, axis=0) > 0 if count else np.zeros(source_scores.shape[1], np.bool_)
    if telling.any():
        order = np.argsort(-source_scores[:, telling], axis=0, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(count)[:, None], axis=0)
    fused: NDArray[np.float64] = np.asarray(1.0 / (_RANK_OFFSET + ranks)).sum(axis=1)
    return fused
