"""Source: the items that the caller names, to be scored like candidates."""

from __future__ import annotations

import numpy as np

from services.candidates.stages.resolved_query import ROW, SLOT, resolved
from services.core.candidate_set import CandidateSet
from services.core.query import Query


class NamedSource:
    """Proposes what the query names and the catalog knows, in the caller's order; no other source proposed them."""

    name = "named"
    provides = frozenset({SLOT, ROW})
    is_immediate = True

    def __init__(self, source_names: tuple[str, ...], budget_seconds: float) -> None:
        self._source_names = source_names
        self._budget_seconds = budget_seconds

    @property
    def budget_seconds(self) -> float:
        """Time after which it counts as late."""
        return self._budget_seconds

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def propose(self, query: Query) -> CandidateSet:
        """Return the named items."""
        known = resolved(query)
        slots = known.named_slots
        return CandidateSet(
            known.view.catalog.item_ids[slots],
            self._source_names,
            np.zeros(len(slots), np.uint32),
            {SLOT: slots, ROW: known.view.row_of_slot[slots]},
        )
