from __future__ import annotations

import numpy as np

from services.core.history_events import event_features
from services.core.query import History

CLICK, RATING = 2, 6
SECOND = 1_000_000


def test_what_is_known_of_events() -> None:
    features = event_features(
        np.array([RATING, CLICK, RATING], np.int8),
        np.array([4.5, 3.0, np.nan], np.float32),
        np.array([10, 11, 18]) * SECOND,
    )
    assert features.dtype == np.float32
    # 1 + log2(1 + 1) and 1 + log2(1 + 7); the value of a click is no rating.
    assert features.tolist() == [[RATING, 1, 4.5, 0], [CLICK, 0, 0, 2], [RATING, 0, 0, 4]]


def test_what_is_not_known_is_zero() -> None:
    nothing = (np.empty(0, np.int8), np.empty(0, np.float32), np.empty(0, np.int64))
    assert event_features(*nothing).shape == (0, 4)
    times = np.array([5, 5]) * SECOND
    assert event_features(*nothing[:2], times).tolist() == [[0, 0, 0, 0], [0, 0, 0, 1]]
    assert event_features(nothing[0], np.array([2.0], np.float32), nothing[2]).tolist() == [[0, 1, 2.0, 0]]


def test_time_that_runs_backwards_is_none() -> None:
    assert event_features(np.array([2, 2], np.int8), np.empty(0, np.float32), np.array([9, 3]))[1, 3] == 1


def test_a_part_of_a_history_is_read_as_if_there_were_no_more() -> None:
    history = History(
        ("a", "b", "c"),
        np.array([0, 1, 3]) * SECOND,
        np.array([CLICK, RATING, RATING], np.int8),
        np.array([np.nan, 1.0, 5.0], np.float32),
    )
    assert history.features_of(np.array([0, 2])).tolist() == [[CLICK, 0, 0, 0], [RATING, 1, 5.0, 3]]
    assert History(("a", "b")).features_of(np.array([1])).tolist() == [[0, 0, 0, 0]]
