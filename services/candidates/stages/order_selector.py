"""Selector: candidates leave in the order in which the merge put them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet
from services.core.query import Query


class OrderSelector:
    """Keeps the order and cuts."""

    name = "order"
    requires: frozenset[str] = frozenset()

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def select(self, query: Query, candidates: CandidateSet) -> NDArray[np.intp]:
        """Return the first query.count indexes."""
        return np.arange(min(query.count, len(candidates)))
