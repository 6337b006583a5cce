"""Which sources are worth their place: those without which the cascade ranks validation users worse.

A source costs memory, time at every request and, where it says nothing of its own, a little quality. One pass, the
weakest alone first: a source leaves if the cascade without it, candidates merged and blend fitted anew, ranks no worse
out of fold. With few users such differences are luck, and all stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from services.core.sources.popularity import PopularitySource
from services.core.sources.recency import RecencySource
from services.core.sources.sequence import SequenceSource
from services.training.steps.evaluate import LIST_LENGTH, RankedUser, pad_lists
from services.training.steps.examples import Int32
from services.training.steps.source_subsets import fit_subset
from services.training.steps.user_figures import user_figures

_ALWAYS = (PopularitySource.name, RecencySource.name, SequenceSource.name)
"""What answers whoever has no history, what knows only seen items, which are not ranked here, and the ranker's own."""


@dataclass(frozen=True, slots=True)
class SelectedSources:
    """kept: names in their order. ndcg: NDCG@10 of the cascade of all, and by name without that source when asked."""

    kept: tuple[str, ...]
    ndcg: dict[str, float]


def select_sources(
    users: Sequence[RankedUser],
    targets: Int32,
    sources: Sequence[str],
    count: int,
    seed: int,
    report: Callable[[float], None] = lambda _: None,
) -> SelectedSources:
    """Choose on users ranked over all proposals (see ``source_subsets``) and what each took next, int32 [U].

    sources: names of the users' features, in order. count: of the merged candidates at most. seed: of the blends.
    report: told the share that is done.
    """

    def ndcg_of(kept: Sequence[str]) -> float:
        fitted = fit_subset(users, targets, sources, kept, count, seed)
        return float(np.mean(user_figures(pad_lists(fitted.lists, LIST_LENGTH), targets)["ndcg@10"]))

    kept = list(sources)
    best = ndcg_of(kept)
    found = {"all": best}
    asked = sorted((name for name in sources if name not in _ALWAYS), key=lambda name: _alone(users, targets, name))
    for done, name in enumerate(asked, start=1):
        without = [other for other in kept if other != name]
        found[name] = ndcg_of(without)
        if found[name] >= best:
            kept, best = without, found[name]
        report(done / len(asked))
    return SelectedSources(tuple(kept), found)


def _alone(users: Sequence[RankedUser], targets: Int32, name: str) -> float:
    lists = pad_lists([user.proposals[name].rows for user in users], LIST_LENGTH)
    return float(np.mean(user_figures(lists, targets)["ndcg@10"]))
