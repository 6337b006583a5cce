"""Filter: the categories the caller keeps to or leaves out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.candidates.stages.resolved_query import SLOT, resolved
from services.core.candidate_set import CandidateSet
from services.core.query import Query


class CategoryFilter:
    """Removes items of unwanted categories."""

    name = "category"
    requires = frozenset({SLOT})

    def enabled(self, query: Query) -> bool:
        """When the caller names categories."""
        return bool(query.filter.any_of_categories or query.filter.excluded_categories)

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        """Return bool [C]: in the wanted categories and in none of the excluded ones."""
        wanted = query.filter
        in_categories = resolved(query).view.catalog.in_categories(wanted.any_of_categories, wanted.excluded_categories)
        kept: NDArray[np.bool_] = in_categories[candidates.columns[SLOT]]
        return kept
