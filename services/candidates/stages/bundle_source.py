"""Source: one of the bundle's sources, proposing rows that are open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import numpy as np

from services.candidates.stages.resolved_query import ROW, SLOT, ResolvedQuery, resolved
from services.candidates.stages.source_threads import run_here
from services.core.candidate_set import CandidateSet
from services.core.cascade import knows_everybody, proposals_for
from services.core.query import Query
from services.core.sources.source import History, Retrieved, Source


class Run(Protocol):
    """Where a source computes."""

    def __call__(self, compute: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        """Return compute(*arguments)."""
        ...


class BundleSource:
    """Retrieves from one source. It is asked for what is open only, so that filters leave as many as were wanted."""

    provides = frozenset({SLOT, ROW})

    def __init__(self, source: Source, budget_seconds: float, run: Run) -> None:
        self._source = source
        self._budget_seconds = budget_seconds
        self._run = run
        self._knows_everybody = knows_everybody(source)

    @property
    def name(self) -> str:
        """The source's own name."""
        return self._source.name

    @property
    def budget_seconds(self) -> float:
        """Time after which it counts as late."""
        return self._budget_seconds

    @property
    def is_immediate(self) -> bool:
        """Whether it never waits: it computes in the event loop and needs nothing from Triton."""
        return self._run is run_here and not self._source.needs_user_vector

    def enabled(self, query: Query) -> bool:
        """When the source can know anything of the user."""
        known = resolved(query)
        if self._source.needs_user_vector:
            return known.user_vector is not None
        return self._source.knows(known.known_history)

    async def propose(self, query: Query) -> CandidateSet:
        """Return at most query.count candidates, best first."""
        known = resolved(query)
        history = known.known_history
        try:
            if self._source.needs_user_vector and known.user_vector is not None:
                history = History(history.rows, history.times, await known.user_vector)
            retrieved = await self._run(self._retrieve, known, history)
        except BaseException:
            known.failed_sources.add(self.name)
            raise
        return proposal(known, retrieved)

    def _retrieve(self, query: ResolvedQuery, history: History) -> Retrieved:
        count = proposals_for(query.count, of_everybody=self._knows_everybody)
        if not self._source.retrieves_by_scores:
            return self._source.retrieve_open(history, count, query.open_rows)
        # The scorer needs the same scores again, of what other sources proposed.
        scores = query.scores[self.name] = self._source.score(history)
        return self._source.best_of(scores, count, query.open_rows)


def proposal(query: ResolvedQuery, retrieved: Retrieved) -> CandidateSet:
    """Return retrieved rows, all known to the catalog, as candidates."""
    slots = query.view.slot_of_row[retrieved.rows]
    return CandidateSet(
        query.view.catalog.item_ids[slots],
        (),
        np.zeros(len(slots), np.uint32),
        {SLOT: slots, ROW: retrieved.rows},
    )
