from __future__ import annotations

import numpy as np

from services.ranking.user_history import history_of

CLICK, LIKE, DISLIKE, RATING, HIDE = 2, 4, 5, 6, 8


def test_events_of_distinct_items_stay_as_they_are() -> None:
    history = history_of(["a", "b"], np.array([1, 2]), [RATING, CLICK], [4.0, None])
    assert history.event_types.tolist() == [RATING, CLICK]
    assert history.event_types.dtype == np.int8
    np.testing.assert_array_equal(history.event_values, np.array([4.0, np.nan], np.float32))
    assert history.item_ids == ("a", "b")
    assert history.event_times.tolist() == [1, 2]
    assert history.event_times.dtype == "int64"


def test_an_item_stands_where_it_was_met_last() -> None:
    history = history_of(["a", "b", "a"], np.array([1, 2, 3]), [CLICK, CLICK, RATING], [None, None, 2.0])
    assert history.event_types.tolist() == [CLICK, RATING]
    np.testing.assert_array_equal(history.event_values, np.array([np.nan, 2.0], np.float32))
    assert history.item_ids == ("b", "a")
    assert history.event_times.tolist() == [2, 3]


def test_what_was_rejected_is_no_taste() -> None:
    history = history_of(["a", "b", "a", "c"], np.array([1, 2, 3, 4]), [LIKE, LIKE, DISLIKE, HIDE], [None] * 4)
    assert history.item_ids == ("b",)


def test_what_was_rejected_and_then_liked_is() -> None:
    assert history_of(["a", "a"], np.array([1, 2]), [DISLIKE, LIKE], [None] * 2).item_ids == ("a",)


def test_microseconds_of_our_days_are_exact() -> None:
    history = history_of(["a"], np.array([1_700_000_000_123_457]), [CLICK], [None])
    assert history.event_times.tolist() == [1_700_000_000_123_457]


def test_nothing_is_an_empty_history() -> None:
    assert len(history_of([], np.array([], np.int64), [], [])) == 0
