from __future__ import annotations

import numpy as np

from services.core.sources.matrix_factors import MatrixFactorsSource
from services.core.sources.source import History


def test_the_user_is_folded_in_by_one_least_squares_step() -> None:
    # One factor: gram = 1 + 4 = 5; history item 1 (y = 1), alpha 3, regularization 2:
    # x = (1 + 3)·1 / (5 + 2 + 3·1) = 0.4, so scores are 0.4·y.
    factors = np.array([[0.0], [1.0], [2.0]], dtype=np.float32)
    source = MatrixFactorsSource(factors, factors.T @ factors, regularization=2.0, alpha=3.0)
    np.testing.assert_allclose(source.score(History.of(np.array([1])))[1:], [0.4, 0.8], rtol=1e-6)


def test_an_item_taken_twice_counts_once() -> None:
    random = np.random.default_rng(1)
    factors = random.normal(size=(6, 3)).astype(np.float32)
    factors[0] = 0
    source = MatrixFactorsSource(factors, factors.T @ factors, regularization=0.1, alpha=1.0)
    once, twice = History.of(np.array([2, 4])), History.of(np.array([2, 4, 2]))
    np.testing.assert_array_equal(source.score(once), source.score(twice))
