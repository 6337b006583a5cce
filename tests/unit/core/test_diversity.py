from __future__ import annotations

import numpy as np
import pytest

from services.core.diversity import arranged, diverse_order


def test_places_by_hand() -> None:
    # σ of (3, 2, 1) is √(2/3): in its units the scores are 3.674, 2.449, 1.225. Beside the first item, the second (of
    # its category) is worth 2.449 - strength and the third 1.225: they change places at a strength of 1.2247.
    scores = np.array([3.0, 2.0, 1.0])
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert arranged(scores, vectors, 3, 1.22).tolist() == [0, 1, 2]
    assert arranged(scores, vectors, 3, 1.23).tolist() == [0, 2, 1]


def test_likeness_is_the_mean_over_what_stands_above() -> None:
    # σ = 1, as two scores are 11 and two 9. After 0 and 1 the rest is alike to one of two: half the price each.
    scores = np.array([11.0, 11.0, 9.0, 9.0])
    vectors = np.eye(3)[[0, 1, 1, 2]]
    assert arranged(scores, vectors, 4, 0.1).tolist() == [0, 1, 3, 2]


def test_equal_scores_keep_the_order_of_the_candidates() -> None:
    scores = np.array([1.0, 2.0, 2.0, 1.0])
    nothing = np.zeros((4, 0), np.bool_)
    assert diverse_order(scores, nothing, 4, 0.3).tolist() == [1, 2, 0, 3]
    alike = np.ones((4, 1), np.bool_)
    assert diverse_order(scores, alike, 4, 0.3).tolist() == [1, 2, 0, 3]


@pytest.mark.parametrize("count", [0, 1, 3, 10])
def test_no_more_than_there_are_and_none_without_candidates(count: int) -> None:
    one = diverse_order(np.array([1.0, 3.0, 2.0]), np.eye(3, dtype=np.bool_), count, 0.0)
    assert one.tolist() == [1, 2, 0][:count]
    assert len(diverse_order(np.empty(0), np.zeros((0, 0), np.bool_), count, 0.3)) == 0


def test_below_place_50_the_score_alone_decides() -> None:
    scores = np.arange(120, 0, -1, dtype=np.float64)
    categories = np.zeros((120, 2), np.bool_)
    categories[:100, 0] = categories[100:, 1] = True
    order = diverse_order(scores, categories, 100, 2.0)
    assert set(order[:50].tolist()) & set(range(100, 120)), "another category has come up"
    assert np.all(np.diff(order[50:]) > 0)
