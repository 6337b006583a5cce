"""Ranking metrics of each user against trec_eval, the program of the Text REtrieval Conference, on random lists."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from services.core.metrics import by_user
from services.core.metrics.by_user import Lists
from tests.unit.core.metrics.random_lists import random_lists, sizes

COUNTS = (1, 3, 10, 20, 30)


def trec_eval(lists: Lists, relevant: Lists, measure: str) -> NDArray[np.float64]:
    """float64 [U]: what trec_eval says of each list, best first."""
    import pytrec_eval

    wanted = {str(user): {str(item): 1 for item in row[row > 0]} for user, row in enumerate(relevant)}
    shown = {
        str(user): {str(item): float(-place) for place, item in enumerate(row[row > 0])}
        for user, row in enumerate(lists)
    }
    found = pytrec_eval.RelevanceEvaluator(wanted, {measure}).evaluate(shown)
    (name,) = {name for figures in found.values() for name in figures}
    return np.array([found[str(user)][name] for user in range(len(lists))])


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    ("metric", "measure"),
    [
        (by_user.recall, "recall"),
        (by_user.precision, "P"),
        (by_user.hit_rate, "success"),
        (by_user.ndcg, "ndcg_cut"),
    ],
)
def test_same_definition(metric: Callable[[Lists, Lists, int], object], measure: str, count: int) -> None:
    lists, relevant = random_lists(count)
    np.testing.assert_allclose(
        metric(lists, relevant, count), trec_eval(lists, relevant, f"{measure}.{count}"), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("count", COUNTS)
def test_reciprocal_rank_is_that_of_the_cut_list(count: int) -> None:
    # trec_eval has no cut for it.
    lists, relevant = random_lists(count)
    expected = trec_eval(lists[:, :count], relevant, "recip_rank")
    np.testing.assert_allclose(by_user.reciprocal_rank(lists, relevant, count), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", COUNTS)
def test_average_precision_differs_in_what_it_is_divided_by(count: int) -> None:
    # trec_eval divides by all R relevant items, here it is min(R, count): a perfect list of ``count`` items has 1.
    lists, relevant = random_lists(count)
    all_relevant = sizes(relevant)
    expected = trec_eval(lists, relevant, f"map_cut.{count}") * all_relevant / np.minimum(all_relevant, count)
    found = by_user.average_precision(lists, relevant, count)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert (found >= trec_eval(lists, relevant, f"map_cut.{count}") - 1e-12).all()


@pytest.mark.parametrize("count", [1, 3, 10, 20])
def test_f1_of_full_lists_is_that_of_the_set(count: int) -> None:
    # Of short lists it is not: trec_eval divides by their length, precision here by ``count``.
    lists, relevant = random_lists(count, full=True)
    expected = trec_eval(lists[:, :count], relevant, "set_F")
    np.testing.assert_allclose(by_user.f1(lists, relevant, count), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", COUNTS)
def test_f1_of_short_lists_is_the_harmonic_mean(count: int) -> None:
    lists, relevant = random_lists(count)
    precision, recall = trec_eval(lists, relevant, f"P.{count}"), trec_eval(lists, relevant, f"recall.{count}")
    expected = 2 * precision * recall / np.maximum(precision + recall, 1e-30)
    np.testing.assert_allclose(by_user.f1(lists, relevant, count), expected, rtol=0, atol=1e-12)
