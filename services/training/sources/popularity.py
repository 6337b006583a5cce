"""Fits popularity: interactions counted with a weight that halves with age."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import BundleDraft
from services.core.sources.popularity import SCORES, PopularitySource
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig

_MICROSECONDS_PER_DAY = 86_400_000_000
# Ten half-lives. Below it old interactions would vanish beside new ones, and with them the order of all items that
# nobody took lately: three clicks of today on a catalog of last century would leave nothing else popular.
_LEAST_WEIGHT = 2.0**-10


def fit(log: InteractionLog, config: TrainingConfig) -> PopularitySource:
    """Scores are Σ 2^(-age / half-life) over an item's interactions, age from the newest, at most ten half-lives."""
    half_life = config.popularity.half_life_days
    weights = np.ones(len(log))
    if half_life > 0 and len(log):
        weights = np.exp2(-((log.times.max() - log.times) / _MICROSECONDS_PER_DAY) / half_life)
        weights = np.maximum(weights, _LEAST_WEIGHT)
    scores = np.bincount(log.rows, weights=weights, minlength=log.item_count + 1)
    scores[0] = -np.inf
    return PopularitySource(scores.astype(np.float32))


def save(source: PopularitySource, draft: BundleDraft) -> None:
    """Write the arrays that PopularitySource.load reads."""
    scores: NDArray[np.float32] = source.scores
    draft.save_array(SCORES, scores)
