"""Fits what the rating head begins with: factors of items, drawn to what their content says where that helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from services.training.steps.examples import HeldOut, InteractionLog
from services.training.steps.fit_config import ContentMapConfig
from services.training.steps.rating_content import RatingContent, fit_rating_content, refit_rating_content
from services.training.steps.rating_factors import RatingFactors

RANK = 8
_PENALTIES = (12.0, 8.0, 16.0, 24.0, 48.0)


@dataclass(frozen=True, slots=True)
class FittedRatings:
    """factors: of the items that are known. content: foretells those of newcomers, None where too little is known.

    drawn: whether the factors were drawn to the content's. mse: on the held-out ratings.
    """

    factors: RatingFactors
    content: RatingContent | None
    drawn: bool
    mse: float

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "rank": self.factors.items.shape[1] - 1,
            "penalty": self.factors.penalty,
            "mse": self.mse,
            "content": None if self.content is None else {**self.content.facts(), "of_known_items": self.drawn},
        }


def fit_ratings(split: HeldOut, settings: ContentMapConfig, seed: int) -> FittedRatings:
    """Penalty, and whether known items are drawn to their content, are chosen on what the split holds out."""
    tried = [RatingFactors.of(split.log, RANK, penalty, seed) for penalty in _PENALTIES]
    errors = [held_out_mse(factors, split) for factors in tried]
    place = int(np.argmin(errors))
    factors, mse = tried[place], errors[place]
    content = fit_rating_content(split.log, factors, settings, seed)
    if content is None:
        return FittedRatings(factors, None, False, mse)
    prior = content.items(split.log.contents or ())
    for penalty in dict.fromkeys((factors.penalty, *_PENALTIES)):
        drawn = RatingFactors.of(split.log, RANK, penalty, seed, prior)
        tried.append(drawn)
        errors.append(held_out_mse(drawn, split))
    best = int(np.argmin(errors))
    return FittedRatings(tried[best], content, best >= len(_PENALTIES), errors[best])


def refit_ratings(log: InteractionLog, seed: int, chosen: FittedRatings) -> FittedRatings:
    """The same as it was chosen, on all of a log."""
    factors = RatingFactors.of(log, RANK, chosen.factors.penalty, seed)
    content = None if chosen.content is None else refit_rating_content(log, factors, chosen.content)
    if chosen.drawn and content is not None:
        prior = content.items(log.contents or ())
        factors = RatingFactors.of(log, RANK, chosen.factors.penalty, seed, prior)
    return FittedRatings(factors, content, chosen.drawn, chosen.mse)


def held_out_mse(factors: RatingFactors, split: HeldOut) -> float:
    """Of the held-out ratings; 0 without any."""
    values = np.zeros(0) if split.values is None else split.values.astype(np.float64)
    known = np.isfinite(values)
    if not known.any():
        return 0.0
    found = factors.foretold(factors.users(split.log), split.users[known], split.targets[known])
    return float(np.mean((found - values[known]) ** 2))
