"""Hand-computed cases. Two users: the first has hits at places 1 and 3 of 4 relevant items, the second none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.core.metrics import ranking

LISTS = np.array([[10, 11, 12, 13, 14], [20, 21, 0, 0, 0]], dtype=np.int32)
RELEVANT = np.array([[10, 12, 30, 31], [99, 0, 0, 0]], dtype=np.int32)

METRICS = (
    ranking.recall,
    ranking.hit_rate,
    ranking.precision,
    ranking.f1,
    ranking.ndcg,
    ranking.mrr,
    ranking.mean_average_precision,
)


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
    for metric in METRICS:
        assert metric(lists, relevant, 3) == 0.0


def test_a_short_list_is_judged_by_the_places_that_it_has() -> None:
    # Three of four relevant items in a list of three, five asked for.
    lists = np.array([[7, 8, 9]], dtype=np.int32)
    relevant = np.array([[9, 7, 8, 1]], dtype=np.int32)
    gains = 1 + 1 / math.log2(3) + 1 / 2
    for width in (3, 6):
        padded = np.pad(lists, ((0, 0), (0, width - 3)))
        assert ranking.recall(padded, relevant, 5) == pytest.approx(3 / 4)
        assert ranking.precision(padded, relevant, 5) == pytest.approx(3 / 5)
        assert ranking.f1(padded, relevant, 5) == pytest.approx(2 * 3 / (5 + 4))
        assert ranking.ndcg(padded, relevant, 5) == pytest.approx(gains / (gains + 1 / math.log2(5)))
        assert ranking.mean_average_precision(padded, relevant, 5) == pytest.approx(3 / 4)


def test_more_relevant_items_than_places_can_still_be_a_perfect_list() -> None:
    lists, relevant = np.array([[3, 1]], dtype=np.int32), np.array([[1, 2, 3, 4]], dtype=np.int32)
    assert ranking.ndcg(lists, relevant, 2) == ranking.mean_average_precision(lists, relevant, 2) == 1.0
    assert ranking.mrr(lists, relevant, 2) == ranking.precision(lists, relevant, 2) == 1.0
    assert ranking.recall(lists, relevant, 2) == 0.5


def test_a_late_first_hit() -> None:
    # Hits at places 2, 3 and 5 of three relevant items.
    lists = np.array([[9, 1, 2, 8, 3]], dtype=np.int32)
    relevant = np.array([[1, 2, 3]], dtype=np.int32)
    assert ranking.mrr(lists, relevant, 5) == 0.5
    assert ranking.mrr(lists, relevant, 1) == 0.0
    assert ranking.mean_average_precision(lists, relevant, 5) == pytest.approx((1 / 2 + 2 / 3 + 3 / 5) / 3)
    found = 1 / math.log2(3) + 1 / math.log2(4) + 1 / math.log2(6)
    assert ranking.ndcg(lists, relevant, 5) == pytest.approx(found / (1 + 1 / math.log2(3) + 1 / math.log2(4)))


def test_an_empty_list_among_others_counts_as_0() -> None:
    lists, relevant = np.array([[1], [0], [2]], dtype=np.int32), np.array([[1], [1], [1]], dtype=np.int32)
    for metric in METRICS:
        assert metric(lists, relevant, 1) == pytest.approx(1 / 3)


def test_lists_without_places() -> None:
    lists, relevant = np.zeros((2, 0), dtype=np.int32), np.array([[1], [2]], dtype=np.int32)
    for metric in METRICS:
        assert metric(lists, relevant, 10) == 0.0


def test_coverage_counts_distinct_items_in_the_tops() -> None:
    assert ranking.coverage(LISTS, 10, 2) == pytest.approx(4 / 10)
    assert ranking.coverage(LISTS, 10, 5) == pytest.approx(7 / 10)
    assert ranking.coverage(LISTS[:0], 10, 5) == ranking.coverage(LISTS, 0, 5) == 0.0


def test_no_users_is_zero() -> None:
    nobody = np.zeros((0, 5), dtype=np.int32)
    for metric in METRICS:
        assert metric(nobody, nobody, 5) == 0.0
