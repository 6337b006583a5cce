"""Recall@10 and NDCG@10 of each user by itself, for standard errors and paired differences; one relevant item each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.core.metrics import ranking
from services.training.steps.examples import Int32

Float64 = NDArray[np.float64]

COUNT = 10


def user_figures(lists: Int32, targets: Int32) -> dict[str, Float64]:
    """float64 [U] by metric. lists: int32 [U, K], best first, 0 after the end. targets: int32 [U].

    With one relevant item recall@10 is 1 or 0, and NDCG@10 is 1/log2(place + 1) of its place, or 0.
    """
    found = ranking.hits(lists, targets[:, None], COUNT)
    return {
        f"recall@{COUNT}": np.asarray(found.any(axis=1), dtype=np.float64),
        f"ndcg@{COUNT}": (found / np.log2(np.arange(2, found.shape[1] + 2))).sum(axis=1),
    }


def standard_error(values: Float64) -> float:
    """Standard deviation / √U; 0 without users."""
    return float(values.std() / len(values) ** 0.5) if len(values) else 0.0


def standard_errors(lists: Int32, targets: Int32) -> dict[str, float]:
    """By `<metric>_se`."""
    return {f"{name}_se": standard_error(values) for name, values in user_figures(lists, targets).items()}


def paired_difference(ours: Mapping[str, Float64], theirs: Mapping[str, Float64]) -> dict[str, float]:
    """Mean over users of ours - theirs by metric, and as `<metric>_se` its standard error.

    Both lists are of the same users, whose luck they share: the error of the difference is smaller than that of either.
    """
    figures: dict[str, float] = {}
    for name, values in ours.items():
        difference = values - theirs[name]
        figures[name] = float(difference.mean()) if len(difference) else 0.0
        figures[f"{name}_se"] = standard_error(difference)
    return figures
