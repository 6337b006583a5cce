"""Metrics of a head that foretells a number, such as a rating. Both arrays float [E]; 0 without examples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from services.core.metrics.means import standard_error

Numbers = NDArray[np.floating]


def mean_squared_error(wanted: Numbers, predicted: Numbers) -> float:
    """mean((wanted - predicted)²)."""
    return float(np.mean((wanted.astype(np.float64) - predicted) ** 2)) if len(wanted) else 0.0


def root_mean_squared_error(wanted: Numbers, predicted: Numbers) -> float:
    """√ mean((wanted - predicted)²)."""
    return math.sqrt(mean_squared_error(wanted, predicted))


def mean_absolute_error(wanted: Numbers, predicted: Numbers) -> float:
    """mean(|wanted - predicted|)."""
    return float(np.mean(np.abs(wanted.astype(np.float64) - predicted))) if len(wanted) else 0.0


def with_standard_errors(wanted: Numbers, predicted: Numbers) -> dict[str, float]:
    """The figures "rmse" and "mae", and as "<name>_se" what chance alone may move them, over examples.

    Of the root by the delta method: the standard error of the mean squared error over twice the root.
    """
    off = wanted.astype(np.float64) - predicted
    rmse = root_mean_squared_error(wanted, predicted)
    return {
        "rmse": rmse,
        "rmse_se": standard_error(off**2) / (2 * rmse) if rmse else 0.0,
        "mae": mean_absolute_error(wanted, predicted),
        "mae_se": standard_error(np.abs(off)),
    }
