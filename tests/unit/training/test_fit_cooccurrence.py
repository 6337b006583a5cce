from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.training.steps.examples import InteractionLog
from services.training.steps.fit_cooccurrence import cooccurrence_factors

ITEMS = 9


@pytest.fixture
def log() -> InteractionLog:
    """Of forty users with five items each; nobody took the last item."""
    random = np.random.default_rng(0)
    rows = np.concatenate([1 + random.permutation(ITEMS - 1)[:5] for _ in range(40)]).astype(np.int32)
    users = np.repeat(np.arange(40), 5).astype(np.int32)
    item_ids = np.array(["", *map(str, range(1, ITEMS + 1))])
    return InteractionLog.from_events(item_ids, users, rows, np.arange(len(rows), dtype=np.int64))


def cosines(log: InteractionLog) -> np.ndarray:
    taken = np.zeros((log.user_count, ITEMS + 1))
    taken[log.users(), log.rows] = 1
    return (taken.T @ taken) / np.maximum(np.sqrt(np.outer(taken.sum(axis=0), taken.sum(axis=0))), 1)


def test_products_of_factors_are_the_cosines_of_the_takers(log: InteractionLog) -> None:
    factors = cooccurrence_factors(log, np.arange(1, ITEMS), ITEMS)
    assert factors.dtype == np.float32
    np.testing.assert_allclose(factors @ factors.T, cosines(log), atol=1e-5)
    assert not factors[[0, ITEMS]].any()
    few = cooccurrence_factors(log, np.arange(1, ITEMS), 2)
    assert few.shape == (ITEMS + 1, 2)
    np.testing.assert_allclose(few, factors[:, :2], atol=1e-5)


def test_items_beside_the_basis_are_placed_by_their_cosines_with_it(log: InteractionLog) -> None:
    basis = np.arange(1, 6)
    factors = cooccurrence_factors(log, basis, ITEMS)
    np.testing.assert_allclose(factors @ factors[basis].T, cosines(log)[:, basis], atol=1e-5)


def test_without_anything_taken_there_are_no_factors(log: InteractionLog) -> None:
    nothing = replace(log, starts=np.zeros_like(log.starts), rows=log.rows[:0], times=log.times[:0])
    assert cooccurrence_factors(nothing, np.arange(1, ITEMS), 4).shape == (ITEMS + 1, 0)
