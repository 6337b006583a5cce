"""What is popular, out of ranking's own copy of the bundle: the answer when the candidates service is away."""

from __future__ import annotations

import numpy as np

from services.core.candidate_set import CandidateSet
from services.core.query import Query
from services.plumbing.bundle_watcher import LoadedBundles
from services.ranking.ranking_bundle import RankingBundle
from services.ranking.stages.candidates_source import PROVIDED
from services.ranking.titles import Titles

POPULARITY = "popularity"


class PopularSource:
    """Proposes popular items of the query's scenario that nothing excludes.

    It knows no categories: when the query has some, it proposes none.

    Availability is not known either; a popular item that has just been withdrawn is the price of an answer.
    """

    name = "popular"
    provides = PROVIDED
    budget_seconds = 0.1

    def __init__(self, bundles: LoadedBundles[RankingBundle], titles: Titles) -> None:
        self._bundles = bundles
        self._titles = titles

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def propose(self, query: Query) -> CandidateSet:
        """Return twice as many items as wanted, most popular first; none without a bundle."""
        active = self._bundles.active()
        if active is None or query.filter.any_of_categories or query.filter.excluded_categories:
            return CandidateSet.empty((POPULARITY,))
        version, bundle = active
        excluded = query.hidden_item_ids | query.filter.excluded_item_ids
        if not query.include_seen:
            excluded |= query.seen_item_ids
        wanted = 2 * query.count
        positions = np.arange(len(bundle.popular_rows))
        shown = bundle.scenarios.shown_in(query.scenario) if bundle.scenarios is not None else None
        if shown is not None:
            positions = positions[shown[bundle.popular_rows]]
        positions = positions[: wanted + len(excluded)]
        open_ = ~np.isin(bundle.popular_rows[positions], bundle.index.rows(excluded))
        positions = positions[open_][:wanted]
        item_ids = np.array(bundle.index.ids_of(bundle.popular_rows[positions]), np.object_)
        count = len(item_ids)
        return CandidateSet(
            item_ids=item_ids,
            sources=(POPULARITY,),
            source_masks=np.ones(count, np.uint32),
            columns={
                "source_scores": bundle.popular_scores[positions, None],
                "titles": self._titles.of(item_ids),
                "categories": np.zeros((count, 0), np.bool_),
                "available": np.ones(count, np.bool_),
            },
            labels={"source_scores": (POPULARITY,), "categories": ()},
            bundle_version=version,
        )
