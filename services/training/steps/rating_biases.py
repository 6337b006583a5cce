"""Biases of users and items in a log's ratings: the simplest answer to what somebody would rate, and a beginning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.training.steps.examples import Int32, InteractionLog

Float64 = NDArray[np.float64]

PRIOR = 5.0
"""Ratings of the average user or item that each one's own mean is mixed with: few say little."""
_ALTERNATIONS = 10


@dataclass(frozen=True, slots=True)
class RatingBiases:
    """A rating is foretold as mean + of_users [U] + of_items [N+1] (Koren, Bell, Volinsky 2009), within the bounds."""

    mean: float
    of_users: Float64
    of_items: Float64
    least: float
    most: float

    @classmethod
    def of(cls, log: InteractionLog) -> RatingBiases:
        """By alternating means, each drawn towards 0. Without ratings all is 0."""
        values = np.full(len(log), np.nan) if log.values is None else log.values.astype(np.float64)
        known = np.isfinite(values)
        of_users, of_items = np.zeros(log.user_count), np.zeros(log.item_count + 1)
        if not known.any():
            return cls(0.0, of_users, of_items, 0.0, 0.0)
        users, rows, ratings = log.users()[known], log.rows[known], values[known]
        mean = float(ratings.mean())
        per_user, per_item = np.bincount(users, minlength=len(of_users)), np.bincount(rows, minlength=len(of_items))
        for _ in range(_ALTERNATIONS):
            beyond = ratings - mean - of_users[users]
            of_items = np.bincount(rows, beyond, len(of_items)) / (per_item + PRIOR)
            beyond = ratings - mean - of_items[rows]
            of_users = np.bincount(users, beyond, len(of_users)) / (per_user + PRIOR)
        return cls(mean, of_users, of_items, float(ratings.min()), float(ratings.max()))

    def foretold(self, users: Int32, rows: Int32) -> Float64:
        """float64 [U] of users int32 [U], each for one item int32 [U]."""
        ratings: Float64 = np.clip(self.mean + self.of_users[users] + self.of_items[rows], self.least, self.most)
        return ratings
