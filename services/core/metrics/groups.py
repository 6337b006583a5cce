"""Gaps between groups of users: whether lists are as good for one group as for another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def by_group(values: NDArray[np.floating], groups: Sequence[str]) -> dict[str, float]:
    """Mean of ``values`` float [U] (a metric by user) in each group (str [U]), by name."""
    names = np.asarray(groups, dtype=np.str_)
    return {str(name): float(values[names == name].mean()) for name in np.unique(names)}


def sizes(groups: Sequence[str]) -> dict[str, int]:
    """How many users are in each group, by name."""
    names, counts = np.unique(np.asarray(groups, dtype=np.str_), return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}


def largest_gap(values: NDArray[np.floating], groups: Sequence[str], least_users: int = 1) -> float:
    """Mean of the best group less that of the worst; groups under ``least_users`` do not count; 0 without two."""
    of = sizes(groups)
    means = [mean for name, mean in by_group(values, groups).items() if of[name] >= least_users]
    return max(means) - min(means) if len(means) > 1 else 0.0
