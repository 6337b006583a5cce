"""Source: items that say something like what one item says."""

from __future__ import annotations

import numpy as np

from services.candidates.catalog.text_index import TextIndex
from services.candidates.stages.resolved_query import ROW, SLOT, resolved
from services.core.candidate_set import CandidateSet
from services.core.query import Query


class SimilarByTextSource:
    """Proposes the items of largest cosine between the text vectors; the bundle need not know any of them."""

    name = "text"
    provides = frozenset({SLOT, ROW})

    def __init__(self, texts: TextIndex, budget_seconds: float) -> None:
        self._texts = texts
        self._budget_seconds = budget_seconds

    @property
    def budget_seconds(self) -> float:
        """Time after which it counts as late."""
        return self._budget_seconds

    def enabled(self, query: Query) -> bool:
        """When the named item says something."""
        slot, says = int(resolved(query).named_slots[0]), self._texts.table.says
        return slot < len(says) and bool(says[slot])

    async def propose(self, query: Query) -> CandidateSet:
        """Return at most query.count open items, most alike first."""
        known = resolved(query)
        slots = np.flatnonzero(known.open_slots()).astype(np.int32)
        likeness = self._texts.table.likeness(int(known.named_slots[0]), slots)
        best = np.argsort(-likeness, kind="stable")[: query.count]
        slots = slots[best[likeness[best] > 0]]
        return CandidateSet(
            known.view.catalog.item_ids[slots],
            (),
            np.zeros(len(slots), np.uint32),
            {SLOT: slots, ROW: known.view.row_of_slot[slots]},
        )
