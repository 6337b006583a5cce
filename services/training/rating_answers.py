"""Simpler answers to what somebody would rate, that the rating head is measured beside."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.content_space import Float32
from services.training.steps.examples import HeldOut
from services.training.steps.fit_ratings import held_out_mse
from services.training.steps.rating_biases import RatingBiases
from services.training.steps.rating_factors import RatingFactors

Float64 = NDArray[np.float64]

_RANKS = (4, 8, 16, 32)
_PENALTIES = (8.0, 12.0, 16.0, 24.0, 48.0)
_NEIGHBOURS = 20
_PRIOR = 1.0


def matrix_factors(choosing: HeldOut, final: HeldOut, seed: int) -> tuple[Float64, dict[str, Any]]:
    """Of ``final``'s ratings, float64 [V], and what was chosen on ``choosing``'s: rank and penalty, out of twenty."""
    grid = [(rank, penalty) for rank in _RANKS for penalty in _PENALTIES]
    errors = [held_out_mse(RatingFactors.of(choosing.log, *one, seed), choosing) for one in grid]
    rank, penalty = grid[int(np.argmin(errors))]
    factors = RatingFactors.of(final.log, rank, penalty, seed)
    found = factors.foretold(factors.users(final.log), final.users, final.targets)
    return found, {"rank": rank, "penalty": penalty, "mse": min(errors)}


def by_neighbours(final: HeldOut, features: Float32, biases: RatingBiases) -> Float64:
    """float64 [V]: what the user gave the twenty most alike items of theirs, weighted by likeness.

    features: float32 [N+1, F], whose inner products are likenesses; those below 0 count for nothing. The user's bias
    stands in with a weight of 1.
    """
    log = final.log
    assert log.values is not None
    found = np.empty(len(final.users))
    alone = biases.foretold(final.users, np.zeros_like(final.targets))
    for place, (user, row) in enumerate(zip(final.users, final.targets, strict=True)):
        part = slice(log.starts[user], log.starts[user + 1])
        values = log.values[part].astype(np.float64)
        likeness = np.clip(features[log.rows[part]] @ features[row], 0.0, None).astype(np.float64)
        likeness[~np.isfinite(values)] = 0.0
        nearest = np.argsort(-likeness, kind="stable")[:_NEIGHBOURS]
        weights = likeness[nearest]
        told = (weights * np.nan_to_num(values[nearest])).sum() + _PRIOR * alone[place]
        found[place] = told / (weights.sum() + _PRIOR)
    return found
