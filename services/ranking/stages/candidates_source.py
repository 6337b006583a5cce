"""Candidates of the candidates service: one hop that brings ids, scores, titles and categories."""

from __future__ import annotations

from typing import Protocol

from services.core.candidate_set import CandidateSet
from services.core.cascade import candidates_for
from services.core.circuit_breaker import CircuitBreaker
from services.core.query import Query
from services.plumbing.deadlines import seconds_left

# Share of the remaining time that candidates may take; the rest is for the ranker.
_SHARE = 0.6
_MIN_SECONDS = 0.002

PROVIDED = frozenset({"source_scores", "titles", "categories", "available"})
"""Columns of all sources of ranking: float32 [C, S], str [C], bool [C, K] and bool [C]."""


class Candidates(Protocol):
    """The candidates service as ranking needs it; both raise UnavailableError or TimeoutError."""

    async def generate(self, query: Query, count: int, timeout_seconds: float) -> CandidateSet:
        """Return up to `count` items that the sources propose, best first."""
        ...

    async def hydrate(self, query: Query, timeout_seconds: float) -> CandidateSet:
        """Return the query's items in their order; those that cannot be had are not `available`."""
        ...


class CandidatesSource:
    """Asks for proposals, or for the columns of the items that the caller brings."""

    name = "candidates"
    provides = PROVIDED

    def __init__(
        self, candidates: Candidates, breaker: CircuitBreaker, *, candidate_count: int, timeout_seconds: float
    ) -> None:
        self._candidates = candidates
        self._breaker = breaker
        self._candidate_count = candidate_count
        self.budget_seconds = timeout_seconds

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def propose(self, query: Query) -> CandidateSet:
        """Return the candidates with the bundle they were made with and what was wrong with them."""
        left = seconds_left(query.deadline) * _SHARE
        patient = left >= self.budget_seconds
        # A little less than the runner's own limit, so that the call ends by itself.
        timeout_seconds = min(left, self.budget_seconds * 0.98)
        if timeout_seconds < _MIN_SECONDS:
            raise TimeoutError("no time left for candidates")
        return await self._breaker.call(lambda: self._ask(query, timeout_seconds), patient=patient)

    async def _ask(self, query: Query, timeout_seconds: float) -> CandidateSet:
        if query.item_ids:
            return await self._candidates.hydrate(query, timeout_seconds)
        count = candidates_for(query.count, self._candidate_count)
        return await self._candidates.generate(query, count, timeout_seconds)
