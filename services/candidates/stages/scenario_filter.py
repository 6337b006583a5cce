"""Filter: the scenario that the caller asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.candidates.stages.resolved_query import SLOT, resolved
from services.core.candidate_set import CandidateSet
from services.core.query import DEFAULT_SCENARIO, Query


class ScenarioFilter:
    """Removes items that belong to other scenarios than the query's (CatalogSnapshot.in_scenario)."""

    name = "scenario"
    requires = frozenset({SLOT})

    def enabled(self, query: Query) -> bool:
        """When the caller names a scenario."""
        return query.scenario != DEFAULT_SCENARIO

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        """Return bool [C]: of the scenario."""
        in_scenario = resolved(query).view.catalog.in_scenario(query.scenario)
        if in_scenario is None:
            return np.ones(len(candidates), np.bool_)
        kept: NDArray[np.bool_] = in_scenario[candidates.columns[SLOT]]
        return kept
