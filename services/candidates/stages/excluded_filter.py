"""Filter: what the caller excludes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.candidates.stages.resolved_query import SLOT, resolved
from services.core.candidate_set import CandidateSet
from services.core.query import Query


class ExcludedFilter:
    """Removes excluded items."""

    name = "excluded"
    requires = frozenset({SLOT})

    def enabled(self, query: Query) -> bool:
        """When anything is excluded."""
        return bool(query.filter.excluded_item_ids)

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        """Return bool [C]: not excluded."""
        kept: NDArray[np.bool_] = ~resolved(query).excluded_slots[candidates.columns[SLOT]]
        return kept
