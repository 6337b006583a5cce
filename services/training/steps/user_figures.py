"""Recall@10 and NDCG@10 of each user by itself, for standard errors and paired differences; one relevant item each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.core.metrics import by_user
from services.core.metrics.means import with_standard_errors
from services.training.steps.examples import Int32

Float64 = NDArray[np.float64]


def user_figures(lists: Int32, targets: Int32) -> dict[str, Float64]:
    """float64 [U] by metric. lists: int32 [U, K], best first, 0 after the end. targets: int32 [U]."""
    relevant = targets[:, None]
    return {"recall@10": by_user.recall(lists, relevant, 10), "ndcg@10": by_user.ndcg(lists, relevant, 10)}


def paired_difference(ours: Mapping[str, Float64], theirs: Mapping[str, Float64]) -> dict[str, float]:
    """Mean over users of ours - theirs by metric, and as `<metric>_se` its standard error.

    Both lists are of the same users, whose luck they share: the error of the difference is smaller than that of either.
    """
    return with_standard_errors({name: values - theirs[name] for name, values in ours.items()})
