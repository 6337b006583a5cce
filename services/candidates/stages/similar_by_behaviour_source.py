"""Source: neighbours of one item by what users took together."""

from __future__ import annotations

from services.candidates.stages.bundle_source import proposal
from services.candidates.stages.resolved_query import ROW, SLOT, resolved
from services.core.candidate_set import CandidateSet
from services.core.query import Query
from services.core.sources.item_knn import ItemKnnSource
from services.core.sources.source import Retrieved


class SimilarByBehaviourSource:
    """Proposes the item-kNN neighbours of the named item."""

    name = "behaviour"
    provides = frozenset({SLOT, ROW})

    def __init__(self, source: ItemKnnSource, budget_seconds: float) -> None:
        self._source = source
        self._budget_seconds = budget_seconds

    @property
    def budget_seconds(self) -> float:
        """Time after which it counts as late."""
        return self._budget_seconds

    def enabled(self, query: Query) -> bool:
        """When the bundle knows the named item."""
        known = resolved(query)
        return bool(known.view.row_of_slot[known.named_slots].any())

    async def propose(self, query: Query) -> CandidateSet:
        """Return all neighbours that the catalog knows, strongest first; filters judge them."""
        known = resolved(query)
        row = int(known.view.row_of_slot[known.named_slots[0]])
        neighbours = self._source.similar(row, self._source.item_count)
        in_catalog = known.view.slot_of_row[neighbours.rows] >= 0
        return proposal(known, Retrieved(neighbours.rows[in_catalog], neighbours.scores[in_catalog]))
