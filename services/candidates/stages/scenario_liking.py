"""How much a user likes the items of a new or young scenario: what they say, and how many took them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.text_index import TextIndex
from services.candidates.stages.resolved_query import ResolvedQuery
from services.core.cascade import SCENARIO_LIKING
from services.core.text_space import standard, taste
from services.core.young_scenarios import YoungScenarios, liking_of

_MOST_EVENTS = 64


class ScenarioLiking:
    """In such a scenario what somebody took there says more of what they want there than all they did elsewhere.

    A scenario is new as long as the bundle knows less than half of its items, and young as long as the bundle says so:
    people did too little there for the models to learn its items (``find_young_scenarios``).
    """

    def __init__(self, texts: TextIndex, young: YoungScenarios | None = None) -> None:
        self._texts = texts
        self._young = young

    def is_new(self, query: ResolvedQuery) -> bool:
        """Whether the query is for a scenario of which the bundle knows less than half."""
        if not query.view.catalog.scenarios_of(query.scenario):
            return False
        return 2 * query.open_row_count < int(np.count_nonzero(query.open_slots()))

    def of(self, query: ResolvedQuery) -> NDArray[np.float32] | None:
        """Return the liking float32 [M], by slot, in standard deviations over the scenario's items; 0 where unknown.

        None where the scenario is neither new nor young, or nothing that the user took there says anything.
        """
        if SCENARIO_LIKING not in query.scores:
            made = self._made(query)
            query.scores[SCENARIO_LIKING] = np.empty(0, np.float32) if made is None else made
        return query.scores[SCENARIO_LIKING] if len(query.scores[SCENARIO_LIKING]) else None

    def _made(self, query: ResolvedQuery) -> NDArray[np.float32] | None:
        catalog = query.view.catalog
        of_scenario = self._texts.table.scenarios
        name = next((name for name in catalog.scenarios_of(query.scenario) if name in of_scenario), None)
        if name is None:
            return None
        takers = self._young.takers if self._young is not None and name in self._young.names else None
        if takers is None and not self.is_new(query):
            return None
        placed = of_scenario[name]
        read = placed.of(catalog.slots(query.history.item_ids))[-_MOST_EVENTS:]
        # The table may know slots of a later snapshot than the request's.
        there = placed.slots < len(catalog)
        if not len(read) or not there.any():
            return None
        slots = placed.slots[there]
        liking = np.zeros(len(catalog), np.float32)
        liking[slots] = standard(placed.vectors[there] @ taste(read))
        if takers is not None:
            liking[slots] = liking_of(liking[slots], takers[query.view.row_of_slot[slots]])
        return liking
