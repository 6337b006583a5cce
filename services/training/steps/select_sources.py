"""Which sources are worth their place, by how the cascade ranks validation users with and without them.

A source costs memory and time at every request. Of the optional ones, the strongest alone first, one joins where the
cascade with it ranks better by more than the standard error of the difference; then of all, the weakest first, one
leaves where the cascade without it ranks no worse. Each time candidates are merged and the blend is fitted anew, and
users are ranked out of fold. With few users such differences are luck: then nobody joins and nobody leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from services.core.metrics.means import mean
from services.core.sources.item_knn import ItemKnnSource
from services.core.sources.popularity import PopularitySource
from services.core.sources.recency import RecencySource
from services.core.sources.sequence import SequenceSource
from services.training.steps.evaluate import LIST_LENGTH, RankedUser, pad_lists
from services.training.steps.examples import Int32
from services.training.steps.source_subsets import fit_subset
from services.training.steps.user_figures import Float64, paired_difference, user_figures

_ALWAYS = (PopularitySource.name, ItemKnnSource.name, RecencySource.name, SequenceSource.name)
"""Those with other work as well: for whoever has no history, for items alike, for seen items, and the ranker's own."""


@dataclass(frozen=True, slots=True)
class SelectedSources:
    """kept: names in their order. base: NDCG@10 without the optional ones.

    changes: by name, the NDCG@10 that was gained or lost when it was asked about: by joining, or by staying away.
    """

    kept: tuple[str, ...]
    base: float
    changes: dict[str, float]


def select_sources(
    users: Sequence[RankedUser],
    targets: Int32,
    sources: Sequence[str],
    optional: Collection[str],
    count: int,
    seed: int,
    report: Callable[[float], None] = lambda _: None,
) -> SelectedSources:
    """Choose on users ranked over all proposals (see ``source_subsets``) and what each took next, int32 [U].

    sources: names of the users' features, in order, the optional ones among them. count: of the merged candidates at
    most. seed: of the blends. report: told the share that is done.
    """

    def figures_of(kept: Collection[str]) -> dict[str, Float64]:
        lists = fit_subset(users, targets, sources, [name for name in sources if name in kept], count, seed).lists
        return {"ndcg@10": user_figures(pad_lists(lists, LIST_LENGTH), targets)["ndcg@10"]}

    by_strength = sorted(sources, key=lambda name: _alone(users, targets, name))
    joining = [name for name in reversed(by_strength) if name in optional]
    leaving = [name for name in by_strength if name not in optional and name not in _ALWAYS]
    kept = {name for name in sources if name not in optional}
    best = figures_of(kept)
    base, changes = mean(best["ndcg@10"]), {}
    for done, name in enumerate([*joining, *leaving], start=1):
        changed = kept ^ {name}
        found = figures_of(changed)
        difference = paired_difference(found, best)
        changes[name] = difference["ndcg@10"]
        if difference["ndcg@10"] > difference["ndcg@10_se"] if name in optional else difference["ndcg@10"] >= 0:
            kept, best = changed, found
        report(done / (len(joining) + len(leaving)))
    return SelectedSources(tuple(name for name in sources if name in kept), base, changes)


def _alone(users: Sequence[RankedUser], targets: Int32, name: str) -> float:
    lists = pad_lists([user.proposals[name].rows for user in users], LIST_LENGTH)
    return float(np.mean(user_figures(lists, targets)["ndcg@10"]))
