"""Biased matrix factorisation of a log's ratings (Koren, Bell, Volinsky 2009), by alternating least squares.

A rating is foretold as mean + b_i + x_u · (1, q_i). An item is its bias and its factors; a user is nothing but the
ratings of a history: x_u is the ridge regression of them on the items rated, so somebody who was never trained on has
one too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.training.steps.examples import Int32, InteractionLog
from services.training.steps.rating_biases import RatingBiases

Float64 = NDArray[np.float64]

BIAS_PENALTY = 4.0
_ALTERNATIONS = 12
_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class RatingFactors:
    """items: float64 [N+1, 1+R], bias and factors; zeros of who was never rated, unless something else is known.

    penalty: of every factor's square, in ratings. least, most: bounds of what is foretold.
    """

    mean: float
    items: Float64
    penalty: float
    least: float
    most: float

    @classmethod
    def of(
        cls, log: InteractionLog, rank: int, penalty: float, seed: int, prior: Float64 | None = None
    ) -> RatingFactors:
        """Fit on the log's ratings; without any all is 0.

        prior: float64 [N+1, 1+R], what items are drawn to in place of 0, such as what their content says. It is in the
        space of factors that were fitted before, so fitting begins with it.
        """
        ratings = _Ratings.of(log)
        biases = RatingBiases.of(log)
        shape = (log.item_count + 1, 1 + rank)
        if not len(ratings.values):
            return cls(0.0, np.zeros(shape), penalty, 0.0, 0.0)
        drawn_to = np.zeros(shape) if prior is None else prior
        items = drawn_to.copy()
        if prior is None:
            items[:, 0] = biases.of_items
            items[:, 1:] = np.random.default_rng([seed, 15]).normal(scale=0.1, size=(shape[0], rank))
        for _ in range(_ALTERNATIONS):
            users = ratings.of_users(biases.mean, items, penalty)
            items = ratings.of_items(biases.mean, users, penalty, drawn_to)
        return cls(biases.mean, items, penalty, biases.least, biases.most)

    def users(self, log: InteractionLog) -> Float64:
        """x_u, float64 [U, 1+R], of the log's users by their ratings in it."""
        return _Ratings.of(log).of_users(self.mean, self.items, self.penalty)

    def foretold(self, of_users: Float64, users: Int32, rows: Int32) -> Float64:
        """float64 [V] of users int32 [V], each for one item int32 [V]. of_users: of ``users``."""
        return self.foretold_of(of_users, users, self.items[rows])

    def foretold_of(self, of_users: Float64, users: Int32, items: Float64) -> Float64:
        """The same of items given as biases and factors, float64 [V, 1+R]."""
        beyond = items[:, 0] + of_users[users, 0] + (of_users[users, 1:] * items[:, 1:]).sum(axis=1)
        ratings: Float64 = np.clip(self.mean + beyond, self.least, self.most)
        return ratings


@dataclass(frozen=True)
class _Ratings:
    """The log's ratings: users, rows int32 [E'], values float64 [E']."""

    users: Int32
    rows: Int32
    values: Float64
    shape: tuple[int, int]

    @classmethod
    def of(cls, log: InteractionLog) -> _Ratings:
        values = np.full(len(log), np.nan) if log.values is None else log.values.astype(np.float64)
        known = np.isfinite(values)
        return cls(log.users()[known], log.rows[known], values[known], (log.user_count, log.item_count + 1))

    @cached_property
    def _given(self) -> sparse.csr_matrix:
        return sparse.csr_matrix((np.ones(len(self.values)), (self.users, self.rows)), shape=self.shape)

    def of_users(self, mean: float, items: Float64, penalty: float) -> Float64:
        beyond = self.values - mean - items[self.rows, 0]
        said = sparse.csr_matrix((beyond, (self.users, self.rows)), shape=self.shape)
        return _ridge(self._given, said, items, penalty, np.zeros((self.shape[0], items.shape[1])))

    def of_items(self, mean: float, users: Float64, penalty: float, drawn_to: Float64) -> Float64:
        beyond = self.values - mean - users[self.users, 0]
        said = sparse.csr_matrix((beyond, (self.rows, self.users)), shape=self.shape[::-1])
        return _ridge(self._given.T.tocsr(), said, users, penalty, drawn_to)


def penalties(rank: int, penalty: float) -> Float64:
    """float64 [1+R]: of the square of a bias and of each factor."""
    return np.array([BIAS_PENALTY, *[penalty] * rank])


def _ridge(
    given: sparse.csr_matrix, said: sparse.csr_matrix, others: Float64, penalty: float, drawn_to: Float64
) -> Float64:
    """float64 [A, 1+R]: of each row the least squares of what was said on (1, factors of the other side)."""
    regressors = others.copy()
    regressors[:, 0] = 1.0
    width = regressors.shape[1]
    products = (regressors[:, :, None] * regressors[:, None, :]).reshape(len(regressors), -1)
    weights = penalties(width - 1, penalty)
    solved = np.empty((given.shape[0], width))
    for start in range(0, given.shape[0], _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        squares = (given[part] @ products).reshape(-1, width, width) + np.diag(weights)
        wanted = said[part] @ regressors + weights * drawn_to[part]
        solved[part] = np.linalg.solve(squares, wanted[..., None])[..., 0]
    return solved
