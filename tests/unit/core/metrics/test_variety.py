from __future__ import annotations

import math

import numpy as np
import pytest

from services.core.metrics import variety

LISTS = np.array([[1, 2, 3], [1, 2, 0], [1, 4, 0]], dtype=np.int32)
COUNTS = np.array([99, 6, 2, 1, 1, 0])
ATTRIBUTES = variety.SparseVectors(
    np.array([0, 0, 1, 2, 4, 4, 4]), np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 3.0, 3.0]), 2
)


def test_gini_by_hand() -> None:
    # Shown: item 1 thrice, 2 twice, 3 and 4 once, 5 never; sorted 0 1 1 2 3.
    wanted = (-4 * 0 - 2 * 1 + 0 * 1 + 2 * 2 + 4 * 3) / (5 * 7)
    assert variety.gini(LISTS, 5, 3) == pytest.approx(wanted)
    assert variety.gini(np.array([[1, 2]], dtype=np.int32), 2, 2) == 0.0
    assert variety.gini(np.array([[1]], dtype=np.int32), 100, 1) == pytest.approx(0.99)
    assert variety.gini(np.zeros((1, 2), dtype=np.int32), 5, 2) == 0.0


def test_gini_is_half_the_mean_difference_over_the_mean() -> None:
    lists = np.random.default_rng(0).integers(1, 20, (30, 4)).astype(np.int32)
    shown = np.bincount(lists.ravel(), minlength=21)[1:].astype(float)
    differences = np.abs(shown[:, None] - shown[None, :]).mean()
    assert variety.gini(lists, 20, 4) == pytest.approx(differences / (2 * shown.mean()))


def test_novelty_by_hand() -> None:
    # Shares after adding one: 7/15, 3/15, 2/15, 2/15, 1/15.
    bits = [math.log2(15 / 7)] * 3 + [math.log2(15 / 3)] * 2 + [math.log2(15 / 2)] * 2
    assert variety.novelty(LISTS, COUNTS, 3) == pytest.approx(sum(bits) / 7)
    assert variety.novelty(LISTS, COUNTS, 1) == pytest.approx(math.log2(15 / 7))


def test_long_tail_share_by_hand() -> None:
    # 80 % of 10 are reached by items 1 and 2: the tail is shown twice in seven places.
    assert variety.long_tail_share(LISTS, COUNTS, 3) == pytest.approx(2 / 7)
    assert variety.long_tail_share(LISTS, COUNTS, 3, head_share=0.6) == pytest.approx(4 / 7)
    assert variety.long_tail_share(LISTS, np.zeros(6, dtype=np.int64), 3) == 0.0


def test_equals_on_the_border_of_the_head_go_by_row() -> None:
    counts = np.array([0, 1, 1, 1, 1])
    shown = np.array([[1, 2, 3, 4]], dtype=np.int32)
    # Half of 4 is reached by two of four equals, rows 1 and 2.
    assert variety.long_tail_share(shown, counts, 4, head_share=0.5) == pytest.approx(2 / 4)
    assert variety.long_tail_share(shown, counts, 2, head_share=0.5) == 0.0
    assert variety.long_tail_share(shown, counts, 4, head_share=1.0) == 0.0


def test_nothing_shown_is_zero() -> None:
    nothing = np.zeros((2, 3), dtype=np.int32)
    assert variety.novelty(nothing, COUNTS, 3) == variety.long_tail_share(nothing, COUNTS, 3) == 0.0
    assert variety.intra_list_diversity(nothing, np.ones((6, 2)), 3) == 0.0
    assert variety.attribute_diversity(nothing, ATTRIBUTES, 3) == 0.0


def test_diversity_by_attributes_by_hand() -> None:
    # Item 1 is red, 2 big, 3 both, 4 nothing: the same cosines as below.
    wanted = ((1 + 2 * (1 - 0.5**0.5)) / 3 + 1.0 + 1.0) / 3
    assert variety.attribute_diversity(LISTS, ATTRIBUTES, 3) == pytest.approx(wanted)
    assert variety.attribute_diversity(LISTS, ATTRIBUTES, 1) == 0.0
    # A user with one item is left out; items without attributes alone are as different as can be.
    lists = np.array([[1, 0], [4, 5], [3, 1]], dtype=np.int32)
    assert variety.attribute_diversity(lists, ATTRIBUTES, 2) == pytest.approx((1.0 + (1 - 0.5**0.5)) / 2)


def test_intra_list_diversity_by_hand() -> None:
    vectors = np.array([[9, 9], [1, 0], [0, 2], [3, 3], [0, 0]], dtype=np.float32)
    # Cosines of the first: (1,2) 0, (1,3) √½, (2,3) √½; of the second: 0; of the third: 0, one vector is zero.
    wanted = ((1 + 2 * (1 - 0.5**0.5)) / 3 + 1.0 + 1.0) / 3
    assert variety.intra_list_diversity(LISTS, vectors, 3) == pytest.approx(wanted)
    assert variety.intra_list_diversity(LISTS, vectors, 1) == 0.0
