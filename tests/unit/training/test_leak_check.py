from __future__ import annotations

import numpy as np
import pytest

from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last
from services.training.steps.leak_check import LeakError, check_no_leak
from tests.circle_walks import circle_log
from tests.planted_leak import leaky_hold_out_last

AMONG = "is among the interactions to learn from"


def test_a_split_without_a_leak_passes() -> None:
    log = circle_log()
    check_no_leak(log, hold_out_last(log))


def test_an_interaction_that_was_not_taken_out_is_a_leak() -> None:
    log = circle_log()
    split = hold_out_last(log)
    with pytest.raises(LeakError, match=f"the test item {log.item_ids[split.targets[0]]} of a user {AMONG}"):
        check_no_leak(log, HeldOut(log, split.users, split.targets))


@pytest.mark.parametrize("user", [0, 7, 59])
def test_an_item_in_another_places_stead_is_a_leak(user: int) -> None:
    log = circle_log()
    split = leaky_hold_out_last(log, user=user)
    with pytest.raises(LeakError, match=f"the validation item {log.item_ids[split.targets[user]]} of a user {AMONG}"):
        check_no_leak(log, split, "validation")


def test_an_item_that_was_taken_twice_is_held_out_once() -> None:
    log = InteractionLog(np.array(["", "a", "b"]), np.array([0, 3, 4]), np.array([1, 2, 1, 2]), np.zeros(4, np.int64))
    split = hold_out_last(log)
    check_no_leak(log, split)
    again = InteractionLog(log.item_ids, np.array([0, 2, 3]), np.array([1, 1, 2]), np.zeros(3, np.int64))
    with pytest.raises(LeakError, match=f"the test item a of a user {AMONG}"):
        check_no_leak(log, HeldOut(again, split.users, split.targets))


def test_nobody_held_out_is_no_leak() -> None:
    log = InteractionLog(np.array(["", "a"]), np.array([0, 1]), np.array([1]), np.zeros(1, np.int64))
    check_no_leak(log, hold_out_last(log))
