"""Calibration: from the ranker's score to the probability that the candidate is what the user takes next.

Platt scaling (Platt 1999): P = 1 / (1 + exp(-(scale · score + offset))), fitted by maximum likelihood on scores of
candidates that the ranker had not learnt from. It is two numbers, the same for every candidate, so it changes no order
and a probability depends on nobody else's score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_STEPS = 50
_SMALL = 1e-9
# Against a positive score that separates perfectly, where the likelihood has no maximum.
_PRIOR = 1e-3


@dataclass(frozen=True, slots=True)
class Calibration:
    """Log-odds = scale · score + offset; scale is never negative."""

    scale: float
    offset: float

    def probabilities(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """float64 [E] of scores [E]."""
        odds = np.clip(self.scale * scores.astype(np.float64) + self.offset, -60.0, 60.0)
        probabilities: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-odds))
        return probabilities


@dataclass(frozen=True, slots=True)
class NewcomerLine:
    """The score of an item that no source but the Transformer can know: slope · logit + offset.

    It stands where a known item of the same chance stands: what the logit alone says of being taken, in log-odds,
    brought onto the scale of the scores by their calibration turned round. slope is never negative.
    """

    slope: float
    offset: float

    @classmethod
    def between(cls, logits: Calibration, scores: Calibration) -> NewcomerLine:
        """logits: of the logit alone. scores: of the ranker's scores. All alike where the scores say nothing."""
        if scores.scale <= 0:
            return cls(0.0, 0.0)
        return cls(logits.scale / scores.scale, (logits.offset - scores.offset) / scores.scale)


def calibrate(scores: NDArray[np.floating], taken: NDArray[np.bool_]) -> Calibration:
    """The calibration of scores float [E] of candidates that were taken or not, bool [E], by Newton's method.

    Where the scores say nothing or the wrong thing, everybody gets the share that was taken.
    """
    happened = taken.astype(np.float64)
    rate = (happened.sum() + 1.0) / (len(happened) + 2.0)
    base = float(np.log(rate / (1.0 - rate)))
    spread = float(scores.std()) if len(scores) else 0.0
    if spread < _SMALL or not taken.any():
        return Calibration(0.0, base)
    mean = float(scores.mean())
    inputs = np.stack([(scores.astype(np.float64) - mean) / spread, np.ones(len(scores))], axis=1)
    weights = np.array([0.0, base])
    penalty = np.diag([_PRIOR, 0.0])
    for _ in range(_STEPS):
        odds = inputs @ weights
        probabilities = 1.0 / (1.0 + np.exp(-np.clip(odds, -60.0, 60.0)))
        gradient = inputs.T @ (happened - probabilities) - penalty @ weights
        curvature = (inputs * (probabilities * (1.0 - probabilities))[:, None]).T @ inputs + penalty
        step = np.linalg.solve(curvature + _SMALL * np.eye(2), gradient)
        weights += np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < _SMALL:
            break
    if weights[0] <= 0:
        return Calibration(0.0, base)
    return Calibration(float(weights[0] / spread), float(weights[1] - weights[0] * mean / spread))
