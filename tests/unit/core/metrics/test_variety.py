from __future__ import annotations

import math

import numpy as np
import pytest

from services.core.metrics import variety

LISTS = np.array([[1, 2, 3], [1, 2, 0], [1, 4, 0]], dtype=np.int32)
COUNTS = np.array([99, 6, 2, 1, 1, 0])


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


def test_intra_list_diversity_by_hand() -> None:
    vectors = np.array([[9, 9], [1, 0], [0, 2], [3, 3], [0, 0]], dtype=np.float32)
    # Cosines of the first: (1,2) 0, (1,3) √½, (2,3) √½; of the second: 0; of the third: 0, one vector is zero.
    wanted = ((1 + 2 * (1 - 0.5**0.5)) / 3 + 1.0 + 1.0) / 3
    assert variety.intra_list_diversity(LISTS, vectors, 3) == pytest.approx(wanted)
    assert variety.intra_list_diversity(LISTS, vectors, 1) == 0.0
