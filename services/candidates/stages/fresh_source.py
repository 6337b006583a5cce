"""Source: items the bundle does not know yet, newest first, where those it knows are too few."""

from __future__ import annotations

import numpy as np

from services.candidates.stages.resolved_query import ROW, SLOT, resolved
from services.core.candidate_set import CandidateSet
from services.core.query import Query


class FreshSource:
    """Fills up: it is all there is before the first bundle."""

    name = "fresh"
    provides = frozenset({SLOT, ROW})
    is_immediate = True

    def __init__(self, budget_seconds: float) -> None:
        self._budget_seconds = budget_seconds

    @property
    def budget_seconds(self) -> float:
        """Time after which it counts as late."""
        return self._budget_seconds

    def enabled(self, query: Query) -> bool:
        """When the bundle has fewer items to propose than are wanted."""
        return resolved(query).open_row_count < query.count

    async def propose(self, query: Query) -> CandidateSet:
        """Return the newest available items without a row."""
        known = resolved(query)
        catalog = known.view.catalog
        slots = np.flatnonzero(known.open_slots() & (known.view.row_of_slot == 0)).astype(np.int32)
        missing = query.count - known.open_row_count
        slots = slots[np.argsort(-catalog.created_at[slots], kind="stable")[:missing]]
        return CandidateSet(
            catalog.item_ids[slots],
            (),
            np.zeros(len(slots), np.uint32),
            {SLOT: slots, ROW: np.zeros(len(slots), np.int32)},
        )
