from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.core.pipeline.roles import Outcome
from services.core.query import History
from services.ranking.ranking_bundle import Neighbours, RankingBundle
from services.ranking.reasons import Reasons, strongest_causes
from services.ranking.titles import Titles

NEIGHBOURS = Neighbours(
    rows=np.array([[0, 0], [3, 4], [4, 3], [0, 0], [0, 0]], np.int32),
    weights=np.array([[0, 0], [0.9, 0.1], [0.5, 0.4], [0, 0], [0, 0]], np.float32),
)


def rows(*values: int) -> Any:
    return np.array(values, np.int32)


def test_the_strongest_link_is_the_cause() -> None:
    assert strongest_causes(NEIGHBOURS, rows(1, 2), rows(3, 4)) == [0, 1]
    assert strongest_causes(NEIGHBOURS, rows(2, 1), rows(4, 3)) == [0, 1]
    assert strongest_causes(NEIGHBOURS, rows(2), rows(3)) == [0]


def test_items_that_nothing_leads_to_have_no_cause() -> None:
    assert strongest_causes(NEIGHBOURS, rows(3), rows(1, 2)) == [-1, -1]
    assert strongest_causes(NEIGHBOURS, rows(), rows(1)) == [-1]
    assert strongest_causes(NEIGHBOURS, rows(1), rows(0, 3)) == [-1, 0], "padding is no neighbour"
    assert strongest_causes(NEIGHBOURS, rows(1), rows()) == []


def outcome(query: Any, selected: Any) -> Outcome:
    return Outcome(query, selected, len(selected), {}, (), ())


@pytest.fixture
def titles() -> Titles:
    known = Titles()
    known.learn(["50"], ["Star Wars (1977)"])
    return known


def test_a_neighbour_of_the_history_names_it(
    titles: Titles, bundle: RankingBundle, make_query: Any, make_candidates: Any
) -> None:
    query = make_query(history=History(("150", "50")))
    reasons = Reasons(titles).of(outcome(query, make_candidates(["51", "100"], source_masks=[8, 4])), bundle)
    assert reasons == ["Because of Star Wars (1977) in your history", "Liked by people with a taste like yours"]


def test_what_was_asked_for_in_words_comes_before_what_the_history_leads_to(
    titles: Titles, bundle: RankingBundle, make_query: Any, make_candidates: Any
) -> None:
    query = make_query(history=History(("50",)))
    selected = make_candidates(["51", "151"], source_masks=[0b01, 0b10], sources=("intent", "sequence"))
    reasons = Reasons(titles).of(outcome(query, selected), bundle)
    assert reasons == ["Answers what you ask for", "Next after what you chose lately"]
    only_read = make_candidates(["51"], source_masks=[0b10], sources=("intent", "sequence"))
    assert Reasons(titles).of(outcome(query, only_read), bundle) == ["Because of Star Wars (1977) in your history"]


def test_a_history_whose_titles_are_not_known_yet_is_wanted(
    titles: Titles, bundle: RankingBundle, make_query: Any, make_candidates: Any
) -> None:
    query = make_query(history=History(("150",)))
    reasons = Reasons(titles).of(outcome(query, make_candidates(["151"], source_masks=[2])), bundle)
    assert reasons == ["Goes with what you chose before"]
    assert titles.take_wanted(5) == ["150"]


@pytest.mark.parametrize(
    ("mask", "has_history", "expected"),
    [
        (0b1111, True, "Next after what you chose lately"),
        (0b0110, True, "Goes with what you chose before"),
        (0b0001, True, "Popular now"),
        (0b0000, True, "Close to your taste"),
        (0b0001, False, "Popular now"),
        (0b0000, False, "Popular now"),
    ],
)
def test_without_a_bundle_the_sources_give_the_reason(
    titles: Titles, make_query: Any, make_candidates: Any, mask: int, has_history: bool, expected: str
) -> None:
    query = make_query(history=History(("50",)) if has_history else History())
    assert Reasons(titles).of(outcome(query, make_candidates(["51"], source_masks=[mask])), None) == [expected]


@pytest.mark.parametrize(
    ("mask", "expected"),
    [(0b101, "You chose it before"), (0b001, "Liked by people who chose what you chose")],
)
def test_user_neighbours_and_recency_have_reasons_too(
    make_query: Any, make_candidates: Any, mask: int, expected: str
) -> None:
    sources = ("user_knn", "popularity", "recency")
    selected = make_candidates(["51"], source_masks=[mask], sources=sources)
    query = make_query(history=History(("50",)))
    assert Reasons(Titles()).of(outcome(query, selected), None) == [expected]


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (0b0111, "Answers what you ask for"),
        (0b0110, "Popular with people like you"),
        (0b1100, "Popular now"),
        (0b1000, "Popular now"),
    ],
)
def test_somebody_new_is_told_what_their_words_or_their_like_led_to(
    make_query: Any, make_candidates: Any, mask: int, expected: str
) -> None:
    sources = ("intent", "audience", "popularity", "item_knn")
    selected = make_candidates(["51"], source_masks=[mask], sources=sources)
    assert Reasons(Titles()).of(outcome(make_query(history=History()), selected), None) == [expected]


def test_an_empty_slate_needs_no_reasons(
    titles: Titles, bundle: RankingBundle, make_query: Any, make_candidates: Any
) -> None:
    assert Reasons(titles).of(outcome(make_query(history=History(("50",))), make_candidates([])), bundle) == []


def test_a_pick_is_named_as_such(titles: Titles, bundle: RankingBundle, make_query: Any, make_candidates: Any) -> None:
    titles.learn(["150"], ["Fargo (1996)"])
    query = make_query(history=History(("50", "150"), picked_count=1))
    reasons = Reasons(titles).of(outcome(query, make_candidates(["51", "151"], source_masks=[2, 2])), bundle)
    assert reasons == ["Because you picked Star Wars (1977)", "Because of Fargo (1996) in your history"]


def test_a_newcomer_is_named_by_its_own_title_though_another_item_was_read(
    titles: Titles, bundle: RankingBundle, make_query: Any, make_candidates: Any
) -> None:
    titles.learn(["brand new"], ["Nobody Saw It (2024)"])
    query = make_query(history=History(("blank", "brand new")))
    candidates = replace(make_candidates(["51"], source_masks=[2]), history_item_ids=("", "50"))
    assert Reasons(titles).of(outcome(query, candidates), bundle) == ["Because of Nobody Saw It (2024) in your history"]


def test_what_stands_in_for_a_newcomer_was_not_met_itself(make_query: Any, make_candidates: Any) -> None:
    sources = ("item_knn", "popularity", "recency")
    selected = make_candidates(["50"], source_masks=[0b101], sources=sources)
    query = make_query(history=History(("brand new",)))
    assert Reasons(Titles()).of(outcome(query, selected), None) == ["You chose it before"]
    stood_in = replace(selected, history_item_ids=("50",))
    assert Reasons(Titles()).of(outcome(query, stood_in), None) == ["Goes with what you chose before"]
