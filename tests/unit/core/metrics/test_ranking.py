"""Hand-computed cases. Two users: the first has hits at places 1 and 3 of 4 relevant items, the second none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.core.metrics import ranking

LISTS = np.array([[10, 11, 12, 13, 14], [20, 21, 0, 0, 0]], dtype=np.int32)
RELEVANT = np.array([[10, 12, 30, 31], [99, 0, 0, 0]], dtype=np.int32)


@pytest.mark.parametrize(
    ("metric", "first_user"),
    [
        (ranking.recall, 2 / 4),
        (ranking.hit_rate, 1.0),
        (ranking.precision, 2 / 5),
        (ranking.f1, 2 * (2 / 5) * (2 / 4) / (2 / 5 + 2 / 4)),
        (ranking.ndcg, (1 + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2 + 1 / math.log2(5))),
        (ranking.mrr, 1.0),
        (ranking.mean_average_precision, (1 / 1 + 2 / 3) / 4),
    ],
)
def test_metrics_at_5(metric, first_user: float) -> None:  # type: ignore[no-untyped-def]
    assert metric(LISTS, RELEVANT, 5) == pytest.approx(first_user / 2)


def test_a_cut_counts_only_what_stands_before_it() -> None:
    assert ranking.recall(LISTS, RELEVANT, 2) == pytest.approx((1 / 4) / 2)
    assert ranking.precision(LISTS, RELEVANT, 2) == pytest.approx((1 / 2) / 2)
    assert ranking.ndcg(LISTS, RELEVANT, 2) == pytest.approx(1 / (1 + 1 / math.log2(3)) / 2)
    assert ranking.mean_average_precision(LISTS, RELEVANT, 2) == pytest.approx((1 / 2) / 2)


def test_one_relevant_item_is_the_leave_one_out_case() -> None:
    lists = np.array([[5, 6, 7], [5, 6, 7], [5, 6, 7]], dtype=np.int32)
    relevant = np.array([[5], [7], [8]], dtype=np.int32)
    assert ranking.recall(lists, relevant, 3) == ranking.hit_rate(lists, relevant, 3) == pytest.approx(2 / 3)
    assert ranking.ndcg(lists, relevant, 3) == pytest.approx((1 + 1 / math.log2(4)) / 3)
    assert ranking.mrr(lists, relevant, 3) == pytest.approx((1 + 1 / 3) / 3)


def test_the_end_of_a_list_is_never_a_hit() -> None:
    lists, relevant = np.zeros((1, 3), dtype=np.int32), np.zeros((1, 2), dtype=np.int32)
    for metric in (ranking.recall, ranking.hit_rate, ranking.precision, ranking.f1, ranking.ndcg, ranking.mrr):
        assert metric(lists, relevant, 3) == 0.0


def test_coverage_counts_distinct_items_in_the_tops() -> None:
    assert ranking.coverage(LISTS, 10, 2) == pytest.approx(4 / 10)
    assert ranking.coverage(LISTS, 10, 5) == pytest.approx(7 / 10)


def test_no_users_is_zero() -> None:
    nobody = np.zeros((0, 5), dtype=np.int32)
    assert ranking.recall(nobody, nobody, 5) == 0.0
    assert ranking.ndcg(nobody, nobody, 5) == 0.0
