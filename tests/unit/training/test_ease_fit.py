from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.core.sources.source import History
from services.training.sources import ease
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import EaseConfig, TrainingConfig
from services.training.steps.fit_to_data import fitting

CONFIG = TrainingConfig(sources=("popularity", "ease", "sequence"))


def log_of(sequences: list[list[int]], items: int) -> InteractionLog:
    users = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences]).astype(np.int32)
    rows = np.array([row for sequence in sequences for row in sequence], dtype=np.int32)
    ids = np.array(["", *map(str, range(1, items + 1))])
    return InteractionLog.from_events(ids, users, rows, np.arange(len(rows), dtype=np.int64))


def test_two_items_by_hand() -> None:
    # Both items taken by two of three users each, together by one: G + λI = [[4, 1], [1, 4]] with λ = 2, its inverse
    # [[4, -1], [-1, 4]] / 15, so that B_12 = B_21 = 1/4.
    source = ease.fit(
        log_of([[1, 2], [1], [2]], 2), replace(CONFIG, ease=EaseConfig(strengths=(2.0,), most_multiplications=1e3))
    )
    assert source.neighbours.tolist() == [[0, 0], [2, 0], [1, 0]]
    np.testing.assert_allclose(source.weights, [[0, 0], [0.25, 0], [0.25, 0]], rtol=1e-6)


def test_the_weights_are_the_best_without_a_diagonal() -> None:
    # Another way to the same minimum: one ridge regression for each item on all others.
    random = np.random.default_rng(1)
    taken = (random.random((80, 7)) < 0.4).astype(np.float64)
    sequences = [(np.flatnonzero(row) + 1).tolist() for row in taken]
    source = ease.fit(log_of(sequences, 7), replace(CONFIG, ease=EaseConfig(strengths=(3.0,))))
    for item in range(7):
        others = np.delete(np.arange(7), item)
        inputs = taken[:, others]
        wanted = np.linalg.solve(inputs.T @ inputs + 3.0 * np.eye(6), inputs.T @ taken[:, item])
        for other, weight in zip(others, wanted, strict=True):
            found = source.weights[other + 1][source.neighbours[other + 1] == item + 1]
            assert found.sum() == pytest.approx(max(weight, 0.0), abs=1e-5)


def test_the_strength_is_chosen_on_what_is_held_back() -> None:
    # Ten pairs, each taken together by four users, and two items, 21 and 22, that are popular with everybody. Where
    # the penalty drowns all else only counts are left, and popular items stand before the partner.
    hot = ([21], [22], [21, 22], [21, 22])
    log = log_of([[*popular, pair, pair + 10] for pair in range(1, 11) for popular in hot], 22)
    chosen = ease.fit(log, replace(CONFIG, ease=EaseConfig(strengths=(1e6, 1.0))))
    alone = ease.fit(log, replace(CONFIG, ease=EaseConfig(strengths=(1.0,))))
    np.testing.assert_array_equal(chosen.weights, alone.weights)
    assert chosen.retrieve(History.of(np.array([21, 1])), 1, np.array([21, 1])).rows.tolist() == [11]


def test_a_catalogue_too_large_goes_without() -> None:
    log = log_of([[1, 2, 3], [2, 3, 4]] * 10, 4)
    assert "ease" in fitting(CONFIG, log).sources
    assert "ease" not in fitting(replace(CONFIG, ease=EaseConfig(most_multiplications=63.0)), log).sources
    # 4³ is paid once: nothing is left for choosing, the first strength is taken.
    once = EaseConfig(strengths=(5.0, 1.0), most_multiplications=64.0)
    first = ease.fit(log, replace(CONFIG, ease=once))
    np.testing.assert_array_equal(
        first.weights, ease.fit(log, replace(CONFIG, ease=EaseConfig(strengths=(5.0,)))).weights
    )
