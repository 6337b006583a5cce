"""The caller's own items in the caller's own order: the answer of Rank when the candidates service is away."""

from __future__ import annotations

import numpy as np

from services.core.candidate_set import CandidateSet
from services.core.query import Query
from services.ranking.stages.candidates_source import PROVIDED
from services.ranking.titles import Titles


class CallersOrderSource:
    """Proposes what the caller brought; none when the caller filters by categories, which are not known here."""

    name = "callers_order"
    provides = PROVIDED
    budget_seconds = 0.1

    def __init__(self, titles: Titles) -> None:
        self._titles = titles

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def propose(self, query: Query) -> CandidateSet:
        """Return the query's items."""
        if query.filter.any_of_categories or query.filter.excluded_categories:
            return CandidateSet.empty((self.name,))
        item_ids = np.array(query.item_ids, np.object_)
        count = len(item_ids)
        return CandidateSet(
            item_ids=item_ids,
            sources=(self.name,),
            source_masks=np.zeros(count, np.uint32),
            columns={
                "source_scores": np.zeros((count, 0), np.float32),
                "titles": self._titles.of(item_ids),
                "categories": np.zeros((count, 0), np.bool_),
                "available": np.ones(count, np.bool_),
            },
            labels={"source_scores": (), "categories": ()},
        )
