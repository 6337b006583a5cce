"""Means over users, and how far chance alone may move them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]


def mean(values: Values) -> float:
    """Mean of float [U]; 0 without users."""
    return float(values.mean(dtype=np.float64)) if len(values) else 0.0


def standard_error(values: Values) -> float:
    """√(mean((v - mean(v))²) / U) of float [U]: the standard error of ``mean``; 0 without users."""
    return float(values.std(dtype=np.float64) / len(values) ** 0.5) if len(values) else 0.0


def with_standard_errors(values: Mapping[str, Values]) -> dict[str, float]:
    """Mean of each metric by its name and, as "<name>_se", the standard error of that mean."""
    figures: dict[str, float] = {}
    for name, of_users in values.items():
        figures[name] = mean(of_users)
        figures[f"{name}_se"] = standard_error(of_users)
    return figures
