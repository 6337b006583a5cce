from __future__ import annotations

import pytest

from services.cli.evaluation.agreement import agreement, users_that_differ


def test_shares_of_positions_by_hand() -> None:
    some = {"u": ["a", "b", "c", "d"], "v": ["a", "b"]}
    others = {"u": ["a", "c", "b", "d"], "v": ["a", "b"]}
    # u: the first of two and the first and last of four; v: all of two.
    assert agreement(some, others, 1) == 1.0
    assert agreement(some, others, 2) == pytest.approx(3 / 4)
    assert agreement(some, others, 100) == pytest.approx(4 / 6)
    assert users_that_differ(some, others) == ["u"]


def test_lists_of_different_length_differ_where_one_has_ended() -> None:
    some, others = {"u": ["a", "b", "c"]}, {"u": ["a", "b", "c", "d", "e"]}
    assert agreement(some, others, 3) == 1.0
    assert agreement(some, others, 4) == agreement(others, some, 4) == pytest.approx(3 / 4)
    assert agreement(some, others, 100) == pytest.approx(3 / 5)
    assert users_that_differ(some, others) == ["u"]


def test_a_user_without_a_list_differs_in_every_position() -> None:
    some, others = {"u": ["a", "b"]}, {"u": ["a", "b"], "v": ["c", "d"]}
    assert agreement(some, others, 10) == agreement(others, some, 10) == 0.5
    assert users_that_differ(some, others) == ["v"]


def test_an_item_one_place_further_is_no_agreement() -> None:
    assert agreement({"u": ["x", "a", "b", "c"]}, {"u": ["a", "b", "c"]}, 4) == 0.0


def test_no_positions_agree() -> None:
    assert agreement({}, {}, 10) == agreement({"u": []}, {}, 10) == 1.0
    assert users_that_differ({"u": []}, {}) == []
