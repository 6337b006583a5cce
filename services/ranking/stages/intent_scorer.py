"""Scorer: what the user asks for in words, beside what the user likes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from services.core.candidate_set import CandidateSet, Column
from services.core.cascade import INTENT, INTENT_WEIGHT
from services.core.query import Query

_MOST_LIKING = 1.0
_SMALL = 1e-9


class IntentScorer:
    """score = liking + weight · answer, in standard deviations: of the candidates' scores, of the catalog's answers.

    The liking is kept within ±1: what everybody likes must not win over what was asked for.

    Without the sources' "intent" column, as when the text encoder is away, the score stays as it is: the answer says so
    by the reason of that source.
    """

    name = "intent"
    requires = frozenset({"score", "source_scores"})
    provides = frozenset({"score"})

    def enabled(self, query: Query) -> bool:
        """When the user says what is wanted."""
        return bool(query.intent)

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:  # noqa: ARG002
        """Return float64 [C]."""
        score = np.asarray(candidates.columns["score"], np.float64)
        names = candidates.labels.get("source_scores", ())
        if INTENT not in names or not len(candidates):
            return {"score": score}
        answer = np.asarray(candidates.columns["source_scores"][:, names.index(INTENT)], np.float64)
        if not answer.any():
            return {"score": score}
        liking = np.clip((score - score.mean()) / max(float(score.std()), _SMALL), -_MOST_LIKING, _MOST_LIKING)
        return {"score": liking + INTENT_WEIGHT * answer}
