"""Removes items that the user has met before, unless the caller wants them too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet
from services.core.query import Query
from services.ranking.stages.membership import outside


class SeenFilter:
    """Keeps all but items that the user has met before, unless the caller wants them too."""

    name = "seen"
    requires: frozenset[str] = frozenset()

    def enabled(self, query: Query) -> bool:
        """Whether there is anything to remove."""
        return not query.include_seen and bool(query.seen_item_ids)

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        """Return a mask [C]."""
        return outside(query.seen_item_ids, candidates)
