"""Metrics of a head that says how likely something is.

Labels are bool [E] (it happened or not), probabilities float [E] in 0..1, scores float [E] of any unit. Without
examples every metric is 0; AUC is 0.5 where one of the two classes is missing, for there is nothing to order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.bool_]
Numbers = NDArray[np.floating]

# Keeps one certain and wrong prediction from making log loss infinite.
_LEAST_PROBABILITY = 1e-15


def accuracy(labels: Labels, probabilities: Numbers, threshold: float = 0.5) -> float:
    """Share of examples where (probability ≥ threshold) = label."""
    return float(((probabilities >= threshold) == labels).mean()) if len(labels) else 0.0


def auc(labels: Labels, scores: Numbers) -> float:
    """P(score of a positive > score of a negative) + ½ P(they are equal), over all pairs of the two.

    By ranks: (Σ ranks of positives - P(P + 1)/2) / (P · N), ties at their mean rank.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        return 0.5
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    ranks = float(mean_ranks[inverse][labels].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def log_loss(labels: Labels, probabilities: Numbers) -> float:
    """-mean(y·ln p + (1 - y)·ln(1 - p)), p kept 1e-15 away from 0 and 1."""
    if not len(labels):
        return 0.0
    kept = np.clip(probabilities.astype(np.float64), _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return float(-np.where(labels, np.log(kept), np.log1p(-kept)).mean())


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Examples whose probability lies in [lower, upper), in [lower, 1] for the last bin.

    count: E_b of them, at least 1. mean_probability: what was promised. share_positive: what happened.
    """

    lower: float
    upper: float
    count: int
    mean_probability: float
    share_positive: float


def reliability(labels: Labels, probabilities: Numbers, bins: int = 10) -> list[ReliabilityBin]:
    """The reliability table: [0, 1] in ``bins`` of equal width, those without examples left out, lowest first."""
    edges = np.arange(bins + 1) / bins
    exact = probabilities.astype(np.float64)
    places = np.searchsorted(edges[1:-1], exact, side="right")
    counts = np.bincount(places, minlength=bins)
    happened = np.bincount(places, weights=labels.astype(np.float64), minlength=bins)
    promised = np.bincount(places, weights=exact, minlength=bins)
    return [
        ReliabilityBin(
            float(edges[place]),
            float(edges[place + 1]),
            int(counts[place]),
            float(promised[place] / counts[place]),
            float(happened[place] / counts[place]),
        )
        for place in np.flatnonzero(counts)
    ]


def calibration_error(labels: Labels, probabilities: Numbers, bins: int = 10) -> float:
    """Expected calibration error: Σ_b E_b/E · |share of positives - mean probability| over ``reliability``'s rows."""
    table = reliability(labels, probabilities, bins)
    return sum(row.count * abs(row.share_positive - row.mean_probability) for row in table) / max(len(labels), 1)
