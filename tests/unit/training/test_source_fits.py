from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.core.sources.source import History
from services.training.sources import attributes, item_knn, matrix_factors, popularity, recency, transitions, user_knn
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import (
    ItemKnnConfig,
    MatrixFactorsConfig,
    PopularityConfig,
    TrainingConfig,
    TransitionsConfig,
    UserKnnConfig,
)
from services.training.steps.item_attributes import ItemAttributes

DAY = 86_400_000_000


def log_of(*sequences: list[int], items: int = 6) -> InteractionLog:
    users = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences]).astype(np.int32)
    rows = np.array([row for sequence in sequences for row in sequence], dtype=np.int32)
    return InteractionLog.from_events(
        np.array(["", *map(str, range(1, items + 1))]), users, rows, np.arange(len(rows), dtype=np.int64)
    )


def test_popularity_halves_with_each_half_life() -> None:
    users, rows = np.zeros(4, dtype=np.int32), np.array([1, 1, 2, 3], dtype=np.int32)
    log = InteractionLog.from_events(np.array(["", *"abcd"]), users, rows, np.array([0, 10, 20, 20]) * DAY)
    config = TrainingConfig(popularity=PopularityConfig(half_life_days=10))
    assert popularity.fit(log, config).scores.tolist() == [-np.inf, 0.75, 1.0, 1.0, 0.0]
    plain = TrainingConfig(popularity=PopularityConfig(half_life_days=0))
    assert popularity.fit(log, plain).scores.tolist() == [-np.inf, 2.0, 1.0, 1.0, 0.0]


def test_popularity_keeps_the_order_of_what_was_taken_long_ago() -> None:
    users, rows = np.zeros(4, dtype=np.int32), np.array([1, 1, 2, 3], dtype=np.int32)
    log = InteractionLog.from_events(np.array(["", *"abcd"]), users, rows, np.array([0, 1, 2, 10_000]) * DAY)
    scores = popularity.fit(log, TrainingConfig(popularity=PopularityConfig(half_life_days=30))).scores
    assert scores[3] == 1.0
    assert scores[3] > scores[1] > scores[2] > scores[4] == 0.0


def test_neighbours_are_those_taken_together() -> None:
    log = log_of([1, 2], [1, 2], [1, 3], [4, 5], [4, 5])
    source = item_knn.fit(log, TrainingConfig(item_knn=ItemKnnConfig(neighbours=3)))
    assert source.similar(1, 5).rows.tolist() == [2, 3]
    assert source.similar(4, 5).rows.tolist() == [5]
    assert source.similar(6, 5).rows.tolist() == [], "nobody took it"
    assert source.neighbours.shape == (7, 3)


def test_neighbour_weights_are_bm25_products() -> None:
    # Items 1 and 2 share user 0 only. Users: 0 took 2 items, 1 took 1; idf = log(4) - log(1 + n).
    log = log_of([1, 2], [2], items=3)
    settings = ItemKnnConfig(neighbours=2, saturation=1.2, length_penalty=0.75)
    source = item_knn.fit(log, TrainingConfig(item_knn=settings))
    mean_length = 3 / 3
    idf = np.log(4) - np.log1p(2)

    def weight(length: int) -> float:
        return 2.2 / (1.2 * (0.25 + 0.75 * length / mean_length) + 1.0) * idf

    assert source.weights[1, 0] == pytest.approx(weight(1) * weight(2), rel=1e-5)
    assert source.weights[2, 0] == pytest.approx(weight(1) * weight(2), rel=1e-5)


def test_factors_separate_two_tastes() -> None:
    sequences = [[1, 2, 3]] * 6 + [[4, 5, 6]] * 6
    settings = MatrixFactorsConfig(factors=4, regularization=0.1, alpha=5.0, iterations=8)
    source = matrix_factors.fit(log_of(*sequences), TrainingConfig(matrix_factors=settings))
    scores = source.score(History.of(np.array([1, 2])))
    assert scores[3] > 0.8
    assert np.abs(scores[4:]).max() < 0.1


def test_als_reaches_the_fixed_point_of_its_own_half_step() -> None:
    sequences = [[1, 2, 3], [2, 3, 4], [1, 4, 5], [5, 6], [2, 6, 1]]
    log = log_of(*sequences)
    settings = MatrixFactorsConfig(factors=2, regularization=0.5, alpha=2.0, iterations=200)
    source = matrix_factors.fit(log, TrainingConfig(matrix_factors=settings))
    again = matrix_factors.fit(log, TrainingConfig(matrix_factors=replace(settings, iterations=201)))
    given = History.of(np.array([1, 2, 3]))
    np.testing.assert_allclose(source.score(given), again.score(given), atol=1e-4)


def test_fits_are_deterministic() -> None:
    log = log_of([1, 2, 3], [2, 3, 4], [1, 4, 5])
    one, other = (matrix_factors.fit(log, TrainingConfig(seed=5)) for _ in range(2))
    np.testing.assert_array_equal(one.item_factors, other.item_factors)


def test_transition_weights_by_hand() -> None:
    # Users 0: 1 2 3, user 1: 1 2. Pairs: (1,2) of both, (2,3) one step; (1,3) two steps.
    log = log_of([1, 2, 3], [1, 2], items=4)
    settings = TransitionsConfig(neighbours=3, window=2, backward=0.5, popularity_penalty=0.3)
    source = transitions.fit(log, TrainingConfig(transitions=settings))
    long, short = 1 / np.log(4), 1 / np.log(3)
    assert source.neighbours[1].tolist() == [2, 3, 0]
    assert source.weights[1, 0] == pytest.approx((long + short) * 2**-0.5 * 2**-0.3, rel=1e-5)
    assert source.weights[1, 1] == pytest.approx(long / 2 * 2**-0.5, rel=1e-5)
    backwards = dict(zip(source.neighbours[2].tolist(), source.weights[2].tolist(), strict=True))
    assert backwards[1] == pytest.approx(0.5 * (long + short) * 2**-0.5 * 2**-0.3, rel=1e-5)
    assert source.neighbours[4].tolist() == [0, 0, 0]


def test_transitions_count_the_newest_of_a_history_most() -> None:
    source = transitions.fit(log_of([1, 2], [3, 4]), TrainingConfig())
    scores = source.score(History.of(np.array([1, 3])))
    assert scores[4] == pytest.approx(2 * scores[2], rel=1e-5)


def test_attributes_score_the_cosine_to_the_newest() -> None:
    log = log_of([1, 2])
    known = ItemAttributes.from_names([(), ["a"], ["b"], ["a"], ["a", "b"], ["b"], []])
    source = attributes.fit(replace(log, attributes=known), TrainingConfig())
    scores = source.score(History.of(np.array([2, 1])))
    assert scores[3] == pytest.approx(1.0, rel=1e-5)
    assert scores[5] == pytest.approx(0.5, rel=1e-5)
    assert scores[4] == pytest.approx((1 + 0.5) / np.sqrt(2), rel=1e-5)
    assert scores[6] == 0.0
    assert source.retrieve(History.of(np.array([1])), 10, np.array([1])).rows.tolist() == [3, 4]


def test_without_attributes_the_source_knows_no_item() -> None:
    source = attributes.fit(log_of([1, 2]), TrainingConfig())
    assert source.item_count == 6
    assert source.score(History.of(np.array([1])))[1:].tolist() == [0.0] * 6


def test_users_are_stored_both_ways_the_last_active_first() -> None:
    # Times rise from user to user: user 2 was active last and is number 1.
    source = user_knn.fit(log_of([1, 2], [2, 3, 4], [1, 2], items=5), TrainingConfig())
    assert source.user_starts.tolist() == [0, 0, 2, 5, 7]
    assert source.user_items.tolist() == [1, 2, 2, 3, 4, 1, 2]
    assert source.item_starts.tolist() == [0, 0, 2, 5, 6, 7, 7]
    assert source.item_users.tolist() == [1, 3, 1, 2, 3, 2, 2]
    counts = np.array([2, 3, 1, 1, 1])  # item 5, which nobody took, as if one had
    np.testing.assert_allclose(source.item_weights, [0, *np.log(4 / counts) ** 2], rtol=1e-6)
    plain = user_knn.fit(log_of([1, 2]), TrainingConfig(user_knn=UserKnnConfig(rarity=0)))
    assert plain.item_weights.tolist() == [0.0] + [1.0] * 6


def test_of_many_users_those_active_last_are_stored() -> None:
    log = log_of([1, 2], [2, 3, 4], [], [1, 5, 2])
    two = user_knn.fit(log, TrainingConfig(user_knn=UserKnnConfig(users=2, items_per_user=2)))
    assert two.user_items.tolist() == [2, 5, 3, 4]
    one = user_knn.fit(log, TrainingConfig(user_knn=UserKnnConfig(users_per_item=1)))
    assert one.item_starts.tolist() == [0, 0, 1, 2, 3, 4, 5, 5]
    assert one.item_users.tolist() == [1, 1, 2, 2, 1]
    assert len(one.user_items) == 8


def test_the_asking_user_does_not_hear_himself() -> None:
    log = log_of([1, 2], [1, 2, 3], [1, 4], [5, 6])
    source = user_knn.fit(log, TrainingConfig(user_knn=UserKnnConfig(neighbours=1)))
    assert source.retrieve(History.of(np.array([1, 2])), 5, np.array([1, 2])).rows.tolist() == [3]


def test_without_repeats_recency_has_nothing_to_say() -> None:
    source = recency.fit(log_of([1, 2], [2, 3]).without_repeats(), TrainingConfig())
    assert source.item_count == 6
    assert source.retrieve(History.of(np.array([1, 2])), 5, np.empty(0, dtype=np.int32)).rows.tolist() == []


def test_recency_is_fitted_to_the_repeats_that_were_left_out() -> None:
    log = log_of([1, 2, 1, 3, 1], [4, 5, 6]).without_repeats()
    assert log.repeats is not None
    source = recency.fit(log, TrainingConfig())
    np.testing.assert_array_equal(source.rates, log.repeats.rates)
    assert source.retrieve(History.of(np.array([1, 2, 3])), 5, np.empty(0, dtype=np.int32)).rows[0] in (1, 2)
