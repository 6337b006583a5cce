"""Newcomers get their share of the places, and not more."""

from __future__ import annotations

import numpy as np
import pytest

from services.core.candidate_set import CandidateSet
from services.core.newcomer_places import proposed_by, with_newcomers

SCORES = -np.arange(40, dtype=np.float64)


def placed(count: int, newcomers: set[int], share: float = 0.1) -> list[int]:
    flags = np.isin(np.arange(40), list(newcomers))
    return with_newcomers(np.arange(count), SCORES, flags, share).tolist()


def test_one_in_ten_places_goes_to_the_best_newcomer() -> None:
    assert placed(10, {30, 35}) == [*range(9), 30]
    assert placed(20, {30, 35, 37}) == [*range(9), 30, *range(9, 18), 35]
    assert placed(20, {30}) == [*range(9), 30, *range(9, 19)]
    assert placed(25, {30, 35, 37}) == [*range(9), 30, *range(9, 18), 35, *range(18, 22), 37]


def test_one_that_is_there_by_its_score_is_the_share() -> None:
    assert placed(10, {3, 30}) == list(range(10))
    assert placed(20, {3, 30}) == [*range(19), 30]
    assert placed(20, {12, 15}) == [*range(9), 12, 9, 10, 11, *range(13, 20)]


@pytest.mark.parametrize(("count", "newcomers", "share"), [(10, set(), 0.1), (10, {30}, 0.0), (4, {30}, 0.1)])
def test_without_newcomers_a_share_or_places_nothing_changes(count: int, newcomers: set[int], share: float) -> None:
    assert placed(count, newcomers, share) == list(range(count))


def test_a_short_slate_gives_its_last_place() -> None:
    assert placed(5, {30, 31}) == [0, 1, 2, 3, 30]
    assert placed(6, {30, 31}, share=0.5) == [0, 30, 1, 31, 2, 3]


def test_who_proposed_is_read_from_the_masks() -> None:
    ids = np.array(["a", "b", "c"], np.object_)
    found = CandidateSet(ids, ("x", "newcomers"), np.array([1, 2, 3], np.uint32), {})
    assert proposed_by(found, "newcomers").tolist() == [False, True, True]
    assert proposed_by(found, "other").tolist() == [False, False, False]
