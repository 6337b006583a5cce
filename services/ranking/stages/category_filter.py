"""Keeps to the categories that the caller wants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet
from services.core.query import Query


class CategoryFilter:
    """Keeps items with at least one of the wanted categories, when some are wanted, and none of the excluded ones."""

    name = "categories"
    requires = frozenset({"categories"})

    def enabled(self, query: Query) -> bool:
        """Whether the caller names categories."""
        return bool(query.filter.any_of_categories or query.filter.excluded_categories)

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        """Return a mask [C]."""
        names = candidates.labels["categories"]
        has = np.asarray(candidates.columns["categories"], np.bool_)
        keep = ~has[:, [name in query.filter.excluded_categories for name in names]].any(axis=1)
        if query.filter.any_of_categories:
            keep &= has[:, [name in query.filter.any_of_categories for name in names]].any(axis=1)
        return np.asarray(keep, np.bool_)
