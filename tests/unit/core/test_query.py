"""Picks before a history."""

from __future__ import annotations

import numpy as np

from services.core.history_events import FEATURES
from services.core.query import History

GAP = FEATURES.index("gap")


def test_picks_stand_before_everything_else_and_nothing_is_known_of_them():
    events = History(("b",), np.array([5_000_000], np.int64), np.array([6], np.int8), np.array([4.0], np.float32))
    history = events.after_picks(["x", "y"], now_microseconds=9)
    assert history.item_ids == ("x", "y", "b")
    assert history.picked_count == 2
    assert history.event_times.tolist() == [5_000_000] * 3
    assert history.event_types.tolist() == [0, 0, 6]
    assert np.isnan(history.event_values).tolist() == [True, True, False]
    assert (history.event_times.dtype, history.event_types.dtype, history.event_values.dtype) == (
        np.int64,
        np.int8,
        np.float32,
    )
    assert history.features_of(np.arange(3)).tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [6, 1, 4, 1]]


def test_picks_alone_were_made_now_all_at_once():
    history = History().after_picks(["x", "y", "z"], now_microseconds=9)
    assert history.event_times.tolist() == [9, 9, 9]
    assert history.features_of(np.arange(3))[:, GAP].tolist() == [0, 1, 1]


def test_a_history_of_which_only_the_items_are_known_keeps_its_length():
    history = History(("b", "c")).after_picks(["x"], now_microseconds=9)
    assert history.event_times.tolist() == [9, 0, 0]
    assert history.event_types.tolist() == [0, 0, 0]
    assert len(history.event_values) == 3
