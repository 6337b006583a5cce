"""Source: what is popular with people of whom the same is known, for users of whom nothing else is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.candidates.stages.bundle_source import proposal
from services.candidates.stages.resolved_query import ROW, SLOT, ResolvedQuery, resolved
from services.core.audience import Audience
from services.core.candidate_set import CandidateSet
from services.core.cascade import AUDIENCE
from services.core.query import Query
from services.core.sources.popularity import PopularitySource
from services.core.sources.source import Retrieved
from services.core.sources.top_rows import top_positive_rows


class AudienceScores:
    """Popularity times what the query's context says, once a query."""

    def __init__(self, audience: Audience, popularity: PopularitySource) -> None:
        self._audience = audience
        self._popularity = popularity.scores

    def of(self, query: ResolvedQuery) -> NDArray[np.float32] | None:
        """Return scores of all rows, float32 [N+1], 0 for padding.

        None for a user with a history, which says more, and where no trait of the context is known.
        """
        if len(query.known_history.rows) or not query.context:
            return None
        if AUDIENCE not in query.scores:
            scores = self._audience.scores(self._popularity, query.context)
            if scores is None:
                return None
            query.scores[AUDIENCE] = scores
        return query.scores[AUDIENCE]


class AudienceSource:
    """Proposes it."""

    name = AUDIENCE
    provides = frozenset({SLOT, ROW})
    is_immediate = True

    def __init__(self, scores: AudienceScores, budget_seconds: float) -> None:
        self._scores = scores
        self._budget_seconds = budget_seconds

    @property
    def budget_seconds(self) -> float:
        """Time after which it counts as late."""
        return self._budget_seconds

    def enabled(self, query: Query) -> bool:
        """When something is known of a user without a history."""
        return self._scores.of(resolved(query)) is not None

    async def propose(self, query: Query) -> CandidateSet:
        """Return at most query.count open items, best first."""
        known = resolved(query)
        scores = self._scores.of(known)
        if scores is None:
            return CandidateSet.empty(())
        return proposal(known, Retrieved(*top_positive_rows(scores, query.count, known.open_rows)))
