"""Filter: what the catalog does not offer now."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.candidates.stages.resolved_query import SLOT, resolved
from services.core.candidate_set import CandidateSet
from services.core.query import Query


class UnavailableFilter:
    """Removes items that are deleted, not yet available or no longer available."""

    name = "unavailable"
    requires = frozenset({SLOT})

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        """Return bool [C]: available now."""
        kept: NDArray[np.bool_] = resolved(query).view.open_slots[candidates.columns[SLOT]]
        return kept
