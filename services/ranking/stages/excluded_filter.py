"""Removes items that the caller does not want."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet
from services.core.query import Query
from services.ranking.stages.membership import outside


class ExcludedFilter:
    """Keeps all but items that the caller does not want."""

    name = "excluded"
    requires: frozenset[str] = frozenset()

    def enabled(self, query: Query) -> bool:
        """Whether there is anything to remove."""
        return bool(query.filter.excluded_item_ids)

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        """Return a mask [C]."""
        return outside(query.filter.excluded_item_ids, candidates)
