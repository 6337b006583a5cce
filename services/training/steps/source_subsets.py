"""The cascade of some of the sources, for users who were ranked with all of them: nothing is scored again.

Users must have been ranked over everything that any source proposed (``rank_users`` with ``most`` no less
than that), for without one source others' proposals move up into its places.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from services.training.steps.evaluate import RankedUser, merge
from services.training.steps.examples import Int32
from services.training.steps.fit_blend import FittedBlend, fit_blend


def fit_subset(
    users: Sequence[RankedUser],
    targets: Int32,
    sources: Sequence[str],
    kept: Collection[str],
    count: int,
    seed: int,
    *,
    with_taste: bool = True,
) -> FittedBlend:
    """The blend of the cascade that has only the sources ``kept``, and its lists out of fold.

    sources: names of the users' features, in order. count: of the merged candidates at most. with_taste: False takes
    the Transformer's logit away too.
    """
    columns = [place for place, name in enumerate(sources) if name in kept]
    names = [sources[place] for place in columns]
    of_subset = [with_sources(user, names, columns, count, with_taste=with_taste) for user in users]
    return fit_blend(of_subset, targets, names, seed)


def first_candidates(user: RankedUser, count: int) -> RankedUser:
    """The user with the first ``count`` candidates: those that the merge of all sources gives."""
    if len(user.candidates) <= count:
        return user
    # Copies: a part that is kept would keep the whole.
    return replace(
        user,
        candidates=user.candidates[:count].copy(),
        features=user.features[:count].copy(),
        taste=user.taste[:count].copy(),
    )


def with_sources(
    user: RankedUser, names: Sequence[str], columns: Sequence[int], count: int, *, with_taste: bool = True
) -> RankedUser:
    """The user with the proposals of ``names`` merged anew, and these columns of the features."""
    proposals = {name: user.proposals[name] for name in names}
    candidates = merge(proposals, count)
    order = np.argsort(user.candidates)
    places = order[np.searchsorted(user.candidates, candidates, sorter=order)]
    taste = user.taste[places] if with_taste else np.zeros(len(places), dtype=np.float32)
    features = user.features[np.ix_(places, np.asarray(columns))]
    return replace(user, proposals=proposals, candidates=candidates, features=features, taste=taste)
