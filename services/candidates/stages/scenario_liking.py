"""How much a user likes the items of a scenario that the bundle hardly knows, by what the items say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.text_index import TextIndex
from services.candidates.stages.resolved_query import ResolvedQuery
from services.core.text_space import taste

_SCENARIO = "scenario_liking"
_MOST_EVENTS = 64
_SMALL = 1e-6


class ScenarioLiking:
    """In a new scenario what somebody took there says more of what they want there than all they did elsewhere.

    A scenario is new as long as the bundle knows less than half of its items.
    """

    def __init__(self, texts: TextIndex) -> None:
        self._texts = texts

    def is_new(self, query: ResolvedQuery) -> bool:
        """Whether the query is for a scenario that the bundle hardly knows."""
        if not query.view.catalog.scenarios_of(query.scenario):
            return False
        return 2 * query.open_row_count < int(np.count_nonzero(query.open_slots()))

    def of(self, query: ResolvedQuery) -> NDArray[np.float32] | None:
        """Return the liking float32 [M], by slot, in standard deviations over the scenario's items; 0 where unknown.

        None where the scenario is not new, or nothing that the user took there says anything.
        """
        if _SCENARIO not in query.scores:
            made = self._made(query) if self.is_new(query) else None
            query.scores[_SCENARIO] = np.empty(0, np.float32) if made is None else made
        return query.scores[_SCENARIO] if len(query.scores[_SCENARIO]) else None

    def _made(self, query: ResolvedQuery) -> NDArray[np.float32] | None:
        catalog = query.view.catalog
        of_scenario = self._texts.table.scenarios
        placed = next((of_scenario[name] for name in catalog.scenarios_of(query.scenario) if name in of_scenario), None)
        if placed is None:
            return None
        read = placed.of(catalog.slots(query.history.item_ids))[-_MOST_EVENTS:]
        # The table may know slots of a later snapshot than the request's.
        there = placed.slots < len(catalog)
        if not len(read) or not there.any():
            return None
        scores = placed.vectors[there] @ taste(read)
        liking = np.zeros(len(catalog), np.float32)
        liking[placed.slots[there]] = (scores - scores.mean()) / max(float(scores.std()), _SMALL)
        return liking
