from __future__ import annotations

import numpy as np
import pytest

from services.training.steps.examples import InteractionLog, hold_out_last

IDS = np.array(["", "a", "b", "c", "d"])


def log_of(*events: tuple[int, int, int]) -> InteractionLog:
    users, rows, times = np.array(events, dtype=np.int64).reshape(-1, 3).T
    return InteractionLog.from_events(IDS, users.astype(np.int32), rows.astype(np.int32), times)


def test_events_are_grouped_by_user_in_time_order_and_ties_keep_theirs() -> None:
    log = log_of((1, 4, 9), (0, 3, 5), (0, 1, 5), (1, 2, 1), (0, 2, 4))
    assert [sequence.tolist() for sequence in log.sequences()] == [[2, 3, 1], [2, 4]]
    assert log.users().tolist() == [0, 0, 0, 1, 1]
    assert (len(log), log.user_count, log.item_count) == (5, 2, 4)


def test_the_last_of_each_user_is_held_out_if_something_is_left() -> None:
    split = hold_out_last(log_of((0, 1, 1), (0, 2, 2), (2, 3, 1), (3, 4, 1), (3, 1, 2), (3, 2, 3)))
    assert split.users.tolist() == [0, 3]
    assert split.targets.tolist() == [2, 2]
    assert [sequence.tolist() for sequence in split.log.sequences()] == [[1], [], [3], [4, 1]]


def test_holding_out_twice_takes_the_second_last() -> None:
    split = hold_out_last(hold_out_last(log_of((0, 1, 1), (0, 2, 2), (0, 3, 3))).log)
    assert split.targets.tolist() == [2]


def test_repeats_leave_the_first_taking() -> None:
    log = log_of((0, 1, 1), (0, 2, 2), (0, 1, 3), (1, 1, 1), (0, 2, 4)).without_repeats()
    assert [sequence.tolist() for sequence in log.sequences()] == [[1, 2], [1]]
    assert log.without_repeats() is log


@pytest.mark.parametrize("row", [0, 5, -1])
def test_rows_outside_the_catalogue_are_refused(row: int) -> None:
    with pytest.raises(ValueError, match=r"1\.\.4"):
        log_of((0, row, 1))


def test_columns_of_different_length_are_refused() -> None:
    one, two = np.array([1], dtype=np.int32), np.array([1, 1], dtype=np.int32)
    with pytest.raises(ValueError, match="one entry per interaction"):
        InteractionLog.from_events(IDS, one, two, np.array([1, 2]))


def test_an_empty_log_is_a_log() -> None:
    log = log_of()
    assert (len(log), log.user_count) == (0, 0)
    assert len(hold_out_last(log).users) == 0
