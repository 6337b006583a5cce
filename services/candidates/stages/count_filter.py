"""Filter: as many as were asked for, so that only those are scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet
from services.core.query import Query


class CountFilter:
    """Removes what the merge put behind the last place. It stands last among the filters."""

    name = "beyond_count"
    requires: frozenset[str] = frozenset()

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        """Return bool [C]: the first query.count."""
        return np.arange(len(candidates)) < query.count
