"""Metrics of a head that says how likely something is.

Labels are bool [E] (it happened or not), probabilities float [E] in 0..1, scores float [E] of any unit. Without
examples every metric is 0; AUC is 0.5 where one of the two classes is missing, for there is nothing to order.
"""

from __future__ import annotations

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


def calibration_error(labels: Labels, probabilities: Numbers, bins: int = 10) -> float:
    """Expected calibration error: Σ_b |b|/E · |mean label of b - mean probability of b|.

    Bin b of ``bins`` holds the probabilities in [b/bins, (b + 1)/bins), the last one also 1.
    """
    if not len(labels):
        return 0.0
    places = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    happened = np.bincount(places, weights=labels.astype(np.float64), minlength=bins)
    promised = np.bincount(places, weights=probabilities.astype(np.float64), minlength=bins)
    return float(np.abs(happened - promised).sum() / len(labels))
