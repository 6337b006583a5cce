"""Removes items that cannot be had: deleted, unknown, or outside their window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet
from services.core.query import Query


class UnavailableFilter:
    """Keeps what the candidates service found available."""

    name = "unavailable"
    requires = frozenset({"available"})

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:  # noqa: ARG002
        """Return a mask [C]."""
        return np.asarray(candidates.columns["available"], np.bool_)
