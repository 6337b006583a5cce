"""Metrics of a head that foretells a number, such as a rating. Both arrays float [E]; 0 without examples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

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
