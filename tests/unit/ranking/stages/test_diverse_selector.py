from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from services.ranking.stages.diverse_selector import DiverseSelector


def one_category_each(*categories: int) -> Any:
    return np.eye(max(categories) + 1, dtype=np.bool_)[list(categories)]


async def chosen(strength: float, query: Any, candidates: Any) -> list[int]:
    return (await DiverseSelector(strength, 0.0).select(query, candidates)).tolist()


async def test_without_strength_score_is_the_order(make_query: Any, make_candidates: Any) -> None:
    candidates = make_candidates("abcd", score=np.array([1.0, 4.0, 2.0, 4.0]), categories=one_category_each(0, 0, 0, 0))
    assert await chosen(0.0, make_query(count=3), candidates) == [1, 3, 2]
    assert DiverseSelector(0.0, 0.0).policy == "top_score"


async def test_with_strength_another_category_comes_earlier(make_query: Any, make_candidates: Any) -> None:
    scores = np.array([10.0, 9.9, 9.8, 9.7])
    candidates = make_candidates("abcd", score=scores, categories=one_category_each(0, 0, 0, 1))
    assert await chosen(5.0, make_query(count=2), candidates) == [0, 3]
    assert await chosen(0.001, make_query(count=2), candidates) == [0, 1]
    assert DiverseSelector(0.05, 0.1).policy == "category_mmr_0.05+newcomers_0.1"


async def test_a_clear_winner_stays_ahead_of_likeness(make_query: Any, make_candidates: Any) -> None:
    candidates = make_candidates(
        "abcd", score=np.array([10.0, 9.0, -10.0, -11.0]), categories=one_category_each(0, 0, 1, 1)
    )
    assert await chosen(0.05, make_query(count=2), candidates) == [0, 1]


async def test_items_without_categories_are_like_nothing(make_query: Any, make_candidates: Any) -> None:
    categories = np.array([[True], [True], [False]])
    candidates = make_candidates("abc", score=np.array([3.0, 2.0, 1.9]), categories=categories)
    assert await chosen(2.0, make_query(count=3), candidates) == [0, 2, 1]
    plain = make_candidates("abc", score=np.array([1.0, 2.0, 3.0]), category_names=())
    assert await chosen(2.0, make_query(count=2), plain) == [2, 1]


@pytest.mark.parametrize("count", [1, 10, 50, 51, 120, 500])
async def test_a_slate_of_any_length_is_distinct_and_below_the_diverse_part_by_score(
    make_query: Any, make_candidates: Any, count: int
) -> None:
    random = np.random.default_rng(0)
    scores = random.normal(size=300)
    candidates = make_candidates(
        [str(number) for number in range(300)], score=scores, categories=random.random((300, 8)) < 0.2
    )
    order = await chosen(0.3, make_query(count=count), candidates)
    assert len(order) == len(set(order)) == min(count, 300)
    assert np.all(np.diff(scores[order[50:]]) <= 0)


async def test_equal_scores_are_no_division_by_zero(make_query: Any, make_candidates: Any) -> None:
    candidates = make_candidates("abc", score=np.ones(3), categories=one_category_each(0, 0, 1))
    with np.errstate(all="raise"):
        assert await chosen(0.1, make_query(count=3), candidates) == [0, 2, 1]
