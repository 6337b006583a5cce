"""What a new user picked, and when it stops to count."""

from __future__ import annotations

from typing import Any

from services.core.query import History
from services.ranking.stages.picks_hydrator import PicksHydrator


async def test_picks_are_the_history_of_somebody_new_and_do_not_come_back(make_query: Any) -> None:
    query = await PicksHydrator().hydrate_query(make_query(picked_item_ids=("5", "7")))
    assert query.history.item_ids == ("5", "7")
    assert query.history.picked_count == 2
    assert query.seen_item_ids == {"5", "7"}


async def test_picks_are_older_than_what_was_done(make_query: Any) -> None:
    known = make_query(
        picked_item_ids=("5", "7", "9"),
        history=History(("7", "3")),
        seen_item_ids=frozenset({"7", "3", "1"}),
        hidden_item_ids=frozenset({"9"}),
    )
    query = await PicksHydrator().hydrate_query(known)
    assert query.history.item_ids == ("5", "7", "3"), "met since, and hidden since"
    assert query.history.picked_count == 1
    assert query.seen_item_ids == {"1", "3", "5", "7", "9"}


async def test_after_ten_events_they_say_no_more_but_stay_away(make_query: Any) -> None:
    for events, picked in ((9, 1), (10, 0)):
        history = History(tuple(str(number) for number in range(100, 100 + events)))
        query = await PicksHydrator().hydrate_query(make_query(picked_item_ids=("5",), history=history))
        assert query.history.picked_count == picked
        assert len(query.history) == events + picked
        assert query.seen_item_ids == {"5"}


def test_without_picks_there_is_nothing_to_do(make_query: Any) -> None:
    assert not PicksHydrator().enabled(make_query())
    assert PicksHydrator().enabled(make_query(picked_item_ids=("5",)))
