"""The ablation: what each part adds to the cascade, on validation.

Each source alone; the cascade without it, candidates merged and blend fitted anew; without the Transformer, neither
its proposals nor its logit; and the logit alone over all candidates. Every figure is out of fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from services.core.metrics.means import mean, with_standard_errors
from services.core.sources.sequence import SequenceSource
from services.core.sources.source import Rows
from services.training.model.blend import Blend
from services.training.steps.evaluate import LIST_LENGTH, RankedUser, pad_lists, ranked_rows
from services.training.steps.examples import Int32
from services.training.steps.fit_blend import FittedBlend
from services.training.steps.source_subsets import first_candidates, fit_subset
from services.training.steps.user_figures import Float64, paired_difference, user_figures

TRANSFORMER = "transformer"
"""The part whose absence is that of the source "sequence" and of the logit."""


def ablate(
    users: Sequence[RankedUser],
    targets: Int32,
    sources: Sequence[str],
    full: FittedBlend | None,
    count: int,
    seed: int,
    report: Callable[[float], None] = lambda _: None,
) -> dict[str, Any]:
    """Take each part away.

    Args:
        users: Ranked over all proposals, as ``source_subsets`` wants them.
        targets: int32 [U], what each took next.
        sources: Names of the users' features, in order.
        full: The blend of all sources over the first ``count`` merged candidates of the same users; None fits it, for
            one that has learnt from more users would make every part look dearer than it is.
        count: Of the merged candidates at most.
        seed: Of the blends.
        report: Told the share that is done.

    Returns:
        "users"; "full", and by part "alone" and "without", and "logit": recall@10 and NDCG@10, those but "full" with
        the "difference", theirs less the full cascade's, and its `_se` standard errors paired by user. "kind" is that
        of the blend where one was fitted.
    """
    if full is None:
        full = fit_subset(users, targets, sources, sources, count, seed)
    complete = _by_user(full.lists, targets)

    def compared(lists: Sequence[Rows]) -> dict[str, Any]:
        by_user = _by_user(lists, targets)
        return {**_means(by_user), "difference": paired_difference(by_user, complete)}

    none = np.zeros(len(sources), dtype=np.float32)
    logit = Blend.of_weights(none, none + 1)
    parts = [*sources, TRANSFORMER]
    without: dict[str, Any] = {}
    for done, part in enumerate(parts):
        report(done / len(parts))
        missing = SequenceSource.name if part == TRANSFORMER else part
        kept = [name for name in sources if name != missing]
        if not kept:
            continue
        fitted = fit_subset(users, targets, sources, kept, count, seed, with_taste=part != TRANSFORMER)
        without[part] = {**compared(fitted.lists), "kind": fitted.kind}
    report(1.0)
    return {
        "users": len(users),
        "full": {**with_standard_errors(complete), "kind": full.kind},
        "logit": compared([ranked_rows(first_candidates(user, count), logit) for user in users]),
        "alone": {name: compared([user.proposals[name].rows for user in users]) for name in sources},
        "without": without,
    }


def _by_user(lists: Sequence[Rows], targets: Int32) -> dict[str, Float64]:
    return user_figures(pad_lists(lists, LIST_LENGTH), targets)


def _means(by_user: dict[str, Float64]) -> dict[str, float]:
    return {name: mean(values) for name, values in by_user.items()}
