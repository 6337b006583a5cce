"""Removes items that the user disliked or hid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.candidate_set import CandidateSet
from services.core.query import Query
from services.ranking.stages.membership import outside


class HiddenFilter:
    """Keeps all but items that the user disliked or hid."""

    name = "hidden"
    requires: frozenset[str] = frozenset()

    def enabled(self, query: Query) -> bool:
        """Whether there is anything to remove."""
        return bool(query.hidden_item_ids)

    async def keep(self, query: Query, candidates: CandidateSet) -> NDArray[np.bool_]:
        """Return a mask [C]."""
        return outside(query.hidden_item_ids, candidates)
