from __future__ import annotations

from typing import Any

import pytest

from services.core.query import ItemFilter
from services.ranking.stages.category_filter import CategoryFilter
from services.ranking.stages.excluded_filter import ExcludedFilter
from services.ranking.stages.hidden_filter import HiddenFilter
from services.ranking.stages.seen_filter import SeenFilter
from services.ranking.stages.unavailable_filter import UnavailableFilter

BC = frozenset({"b", "c"})


@pytest.mark.parametrize(
    ("stage", "options"),
    [
        (SeenFilter(), {"seen_item_ids": BC}),
        (HiddenFilter(), {"hidden_item_ids": BC}),
        (ExcludedFilter(), {"filter": ItemFilter(excluded_item_ids=BC)}),
    ],
)
async def test_what_is_in_the_set_goes(stage: Any, options: Any, make_query: Any, make_candidates: Any) -> None:
    query = make_query(**options)
    assert stage.enabled(query)
    assert (await stage.keep(query, make_candidates(["a", "b", "c", "d"]))).tolist() == [True, False, False, True]
    assert (await stage.keep(query, make_candidates(["a", "d"]))).tolist() == [True, True]
    assert not stage.enabled(make_query())


def test_seen_items_may_come_again_when_they_are_wanted(make_query: Any) -> None:
    assert not SeenFilter().enabled(make_query(seen_item_ids=BC, include_seen=True))
    assert HiddenFilter().enabled(make_query(hidden_item_ids=BC, include_seen=True)), "hidden ones never"


async def test_what_cannot_be_had_goes(make_query: Any, make_candidates: Any) -> None:
    candidates = make_candidates(["a", "b"], available=[True, False])
    assert (await UnavailableFilter().keep(make_query(), candidates)).tolist() == [True, False]


@pytest.mark.parametrize(
    ("item_filter", "expected"),
    [
        (ItemFilter(any_of_categories=frozenset({"x"})), [True, False, True, False]),
        (ItemFilter(any_of_categories=frozenset({"x", "y"})), [True, True, True, False]),
        (ItemFilter(any_of_categories=frozenset({"unknown"})), [False, False, False, False]),
        (ItemFilter(excluded_categories=frozenset({"x"})), [False, True, False, True]),
        (ItemFilter(excluded_categories=frozenset({"unknown"})), [True, True, True, True]),
        (ItemFilter(any_of_categories=frozenset({"x"}), excluded_categories=frozenset({"y"})), [True] + [False] * 3),
    ],
)
async def test_categories(item_filter: ItemFilter, expected: Any, make_query: Any, make_candidates: Any) -> None:
    import numpy as np

    has = np.array([[True, False], [False, True], [True, True], [False, False]])
    query = make_query(filter=item_filter)
    stage = CategoryFilter()
    assert stage.enabled(query)
    assert (await stage.keep(query, make_candidates("abcd", categories=has))).tolist() == expected


async def test_items_without_any_category_have_none_of_the_wanted(make_query: Any, make_candidates: Any) -> None:
    query = make_query(filter=ItemFilter(any_of_categories=frozenset({"x"})))
    candidates = make_candidates("ab", category_names=())
    assert (await CategoryFilter().keep(query, candidates)).tolist() == [False, False]


def test_without_wishes_categories_do_not_matter(make_query: Any) -> None:
    assert not CategoryFilter().enabled(make_query())
