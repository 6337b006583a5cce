"""What an item's content says of its ratings: bias and factors of items, regressed on what the items are.

The same kernel regression as of the content map. It is chosen on items that play newcomers: a fifth of them at a time
is kept from it, users are read without their ratings of these, and what counts is how those ratings are foretold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from services.core.content_map import kernel
from services.core.content_space import ContentSpace, Float32, ItemContent
from services.training.steps.examples import Int32, InteractionLog
from services.training.steps.fit_config import ContentMapConfig
from services.training.steps.fit_content_space import content_space
from services.training.steps.rating_factors import Float64, RatingFactors

_FOLDS = 5
_LEAST_ITEMS = 50


@dataclass(frozen=True, slots=True)
class RatingContent:
    """basis: float32 [B, F]. weights: float64 [B, 1+R]. mean: float64 [1+R]. mse: of ratings of hidden items."""

    space: ContentSpace
    basis: Float32
    weights: Float64
    mean: Float64
    sharpness: float
    noise: float
    mse: float

    def items(self, contents: Sequence[ItemContent]) -> Float64:
        """Bias and factors, float64 [K, 1+R]; the mean of items without any content."""
        likeness = kernel(self.space.features(contents), self.basis, self.sharpness)
        made: Float64 = self.mean + likeness.astype(np.float64) @ self.weights
        return made

    def facts(self) -> dict[str, Any]:
        """What a person may ask of it."""
        return {"items": len(self.basis), "sharpness": self.sharpness, "noise": self.noise, "mse": self.mse}


def fit_rating_content(
    log: InteractionLog, factors: RatingFactors, settings: ContentMapConfig, seed: int
) -> RatingContent | None:
    """Fit on the items of the log that were rated and of which something is known; None where these are too few.

    Sharpness is chosen first, then the noise.
    """
    known = _Known.of(log, factors, settings.most_items)
    if known is None:
        return None
    hidden = [_Hidden.of(log, factors, known.rows, fold, seed) for fold in range(_FOLDS)]

    def worth(sharpness: float, noise: float) -> float:
        return _worth(known.likeness(sharpness), known.wanted, noise * known.unsure, hidden, factors)

    of_sharpness = {sharpness: worth(sharpness, settings.noises[0]) for sharpness in settings.sharpnesses}
    sharpness = min(of_sharpness, key=of_sharpness.__getitem__)
    of_noise = {settings.noises[0]: of_sharpness[sharpness]}
    of_noise |= {noise: worth(sharpness, noise) for noise in settings.noises[1:]}
    noise = min(of_noise, key=of_noise.__getitem__)
    return known.fitted(sharpness, noise, of_noise[noise])


def refit_rating_content(log: InteractionLog, factors: RatingFactors, chosen: RatingContent) -> RatingContent:
    """The same as it was chosen, on another log; as it was where too few of its items are known."""
    known = _Known.of(log, factors, len(chosen.basis))
    return chosen if known is None else known.fitted(chosen.sharpness, chosen.noise, chosen.mse)


@dataclass(frozen=True, slots=True)
class _Known:
    """Items to learn from: rows int64 [B], their features float32 [B, F], bias and factors float64 [B, 1+R].

    unsure: float64 [B], how much of the noise each has: what few have rated is known less well.
    """

    rows: NDArray[np.int64]
    space: ContentSpace
    features: Float32
    wanted: Float64
    unsure: Float64

    @classmethod
    def of(cls, log: InteractionLog, factors: RatingFactors, most: int) -> _Known | None:
        contents = log.contents or ()
        rated = np.zeros(len(log), np.bool_) if log.values is None else np.isfinite(log.values)
        counts = np.bincount(log.rows[rated], minlength=log.item_count + 1)
        known = np.array([row for row in np.flatnonzero(counts).tolist() if contents and contents[row]], dtype=np.int64)
        if len(known) < _LEAST_ITEMS:
            return None
        rows = np.sort(known[np.argsort(-counts[known], kind="stable")[:most]])
        of_rows = [contents[row] for row in rows]
        space = content_space(of_rows)
        unsure = 1.0 + factors.penalty / counts[rows]
        return cls(rows, space, space.features(of_rows), factors.items[rows], unsure)

    def likeness(self, sharpness: float) -> Float64:
        return kernel(self.features, self.features, sharpness).astype(np.float64)

    def fitted(self, sharpness: float, noise: float, mse: float) -> RatingContent:
        weights, mean = _regression(self.likeness(sharpness), self.wanted, noise * self.unsure)
        return RatingContent(self.space, self.features, weights, mean, sharpness, noise, mse)


@dataclass(frozen=True, slots=True)
class _Hidden:
    """Items that play newcomers, int64 [K] places among the rows, and the ratings of them, E' in all.

    of_users: x_u without them. users, places (among the hidden): int32 [E']. values: float64 [E'].
    """

    items: NDArray[np.int64]
    of_users: Float64
    users: Int32
    places: NDArray[np.int64]
    values: Float64

    @classmethod
    def of(cls, log: InteractionLog, factors: RatingFactors, rows: NDArray[np.int64], fold: int, seed: int) -> _Hidden:
        assert log.values is not None
        folds = np.random.default_rng([seed, 16]).permutation(len(rows)) % _FOLDS
        items = np.flatnonzero(folds == fold)
        place_of = np.full(log.item_count + 1, -1)
        place_of[rows[items]] = np.arange(len(items))
        asked = place_of[log.rows] >= 0
        of_users = factors.users(log.only(~asked))
        asked &= np.isfinite(log.values)
        return cls(items, of_users, log.users()[asked], place_of[log.rows[asked]], log.values[asked].astype(np.float64))


def _worth(
    likeness: Float64, wanted: Float64, noise: Float64, hidden: Sequence[_Hidden], factors: RatingFactors
) -> float:
    """The mean squared error with which ratings of hidden items are foretold."""
    total, count = 0.0, 0
    for fold in hidden:
        seen = np.ones(len(wanted), dtype=np.bool_)
        seen[fold.items] = False
        weights, mean = _regression(likeness[np.ix_(seen, seen)], wanted[seen], noise[seen])
        items = mean + likeness[np.ix_(fold.items, np.flatnonzero(seen))] @ weights
        found = factors.foretold_of(fold.of_users, fold.users, items[fold.places])
        total += float(((found - fold.values) ** 2).sum())
        count += len(found)
    return total / max(count, 1)


def _regression(likeness: Float64, wanted: Float64, noise: Float64) -> tuple[Float64, Float64]:
    """(K + diag(noise))⁻¹ (wanted - mean), float64 [B, 1+R], and the mean float64 [1+R], the sure items first."""
    mean: Float64 = np.average(wanted, axis=0, weights=1.0 / noise)
    factor = linalg.cho_factor(likeness + np.diag(noise), lower=True)
    weights: Float64 = linalg.cho_solve(factor, wanted - mean)
    return weights, mean
