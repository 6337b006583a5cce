"""Source: neighbours of one item by the Transformer's item vectors, out of the ANN index."""

from __future__ import annotations

from dataclasses import replace

from services.candidates.stages.bundle_source import Run, proposal
from services.candidates.stages.resolved_query import ROW, SLOT, resolved
from services.core.candidate_set import CandidateSet
from services.core.query import Query
from services.core.sources.sequence import SequenceSource


class SimilarByVectorSource:
    """Proposes what the item's own vector finds when it stands in for a user's."""

    name = "vector"
    provides = frozenset({SLOT, ROW})

    def __init__(self, source: SequenceSource, budget_seconds: float, run: Run) -> None:
        self._source = source
        self._budget_seconds = budget_seconds
        self._run = run

    @property
    def budget_seconds(self) -> float:
        """Time after which it counts as late."""
        return self._budget_seconds

    def enabled(self, query: Query) -> bool:
        """When the bundle knows the named item."""
        known = resolved(query)
        return bool(known.view.row_of_slot[known.named_slots].any())

    async def propose(self, query: Query) -> CandidateSet:
        """Return at most query.count open items, largest inner product first."""
        known = resolved(query)
        row = int(known.view.row_of_slot[known.named_slots[0]])
        stand_in = replace(known.known_history, user_vector=self._source.item_vectors[row])
        return proposal(known, await self._run(self._source.retrieve_open, stand_in, query.count, known.open_rows))
