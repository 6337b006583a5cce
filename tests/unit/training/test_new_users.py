"""New users leave no trace in what is trained on, and their picks say what they look for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import bundle_path, read_array
from services.training.new_users import NewUsers, choose_new, new_users, picks_of, without_users
from services.training.steps.bundle import DatasetError
from services.training.steps.examples import InteractionLog
from tests.circle_walks import CONFIG

ITEMS, KINDS, USERS, EACH = 80, 4, 160, 12


def log_of_kinds() -> InteractionLog:
    """Every user takes items of one kind, those of small numbers more often, in any order."""
    random = np.random.default_rng(0)
    kinds = np.arange(ITEMS + 1) % KINDS
    taken = []
    for user in range(USERS):
        own = np.flatnonzero(kinds[1:] == user % KINDS) + 1
        weights = 1.0 / np.arange(1, len(own) + 1)
        taken.append(random.choice(own, EACH, replace=False, p=weights / weights.sum()))
    return InteractionLog.from_events(
        np.array(["", *(f"item-{row:03}" for row in range(1, ITEMS + 1))]),
        np.repeat(np.arange(USERS), EACH).astype(np.int32),
        np.concatenate(taken).astype(np.int32),
        np.tile(np.arange(EACH), USERS).astype(np.int64) * 1_000_000,
    )


def run(store: Path) -> NewUsers:
    return new_users(log_of_kinds(), CONFIG, store, lambda now: None, 0.2, "1")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def result(store: Path) -> NewUsers:
    return run(store)


def test_new_users_leave_no_trace() -> None:
    log = log_of_kinds()
    users = choose_new(log, 0.2, seed=0)
    assert len(users) == 32
    assert choose_new(log, 0.2, seed=1).tolist() != users.tolist()
    known = without_users(log, users)
    assert len(known) == (USERS - 32) * EACH
    for user in range(USERS):
        expected = [] if user in users else log.sequence(user).tolist()
        assert known.sequence(user).tolist() == expected


def test_who_took_no_more_than_is_picked_is_no_new_user() -> None:
    log = log_of_kinds()
    few = log.only(np.tile(np.arange(EACH) < 5, USERS))
    assert len(choose_new(few, 0.5, seed=0)) == 0
    one = np.tile(np.arange(EACH) < 5, USERS)
    one[7 * EACH + 5] = True
    assert choose_new(log.only(one), 1.0, seed=0).tolist() == [7]


def test_picks_are_the_best_known_of_what_was_liked() -> None:
    log = InteractionLog.from_events(
        np.array(["", *"abcdefgh"]),
        np.array([0] * 8 + [1] * 6, np.int32),
        np.array([1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6], np.int32),
        np.arange(14, dtype=np.int64),
        np.array([5, 1, 4, 4, 5, 3, 4, 1, *[np.nan] * 6], np.float32),
    )
    taken_by = np.array([0, 1, 9, 2, 8, 3, 7, 4, 6], np.int32)
    picks = picks_of(log, np.array([0, 1], np.int32), taken_by)
    assert picks[0].tolist() == [4, 7, 5, 3, 1], "4 is the middle rating; the best known of the others are not liked"
    assert picks[1].tolist() == [2, 4, 6, 5, 3], "nobody said what they like"
    unrated = picks_of(replace(log, values=None), np.array([0], np.int32), taken_by)
    assert unrated[0].tolist() == [2, 4, 6, 8, 7]


def test_where_too_little_was_liked_what_else_is_known_fills_up() -> None:
    log = InteractionLog.from_events(
        np.array(["", *"abcdefg"]),
        np.zeros(7, np.int32),
        np.arange(1, 8, dtype=np.int32),
        np.arange(7, dtype=np.int64),
        np.array([5, 5, 4, 3, 3, 2, 1], np.float32),
    )
    picks = picks_of(log, np.array([0], np.int32), np.array([0, 1, 2, 3, 4, 5, 6, 7], np.int32))
    # The middle is 3: five are liked.
    assert picks[0].tolist() == [5, 4, 3, 2, 1]
    no_middle = replace(log, values=np.array([5, 5, 5, 5, 1, 2, 3], np.float32))
    picks = picks_of(no_middle, np.array([0], np.int32), np.array([0, 1, 2, 3, 4, 5, 6, 7], np.int32))
    assert picks[0].tolist() == [4, 3, 2, 1, 7]


def test_the_bundle_counts_none_of_them(store: Path, result: NewUsers) -> None:
    assert result.manifest.training["interactions"] == (USERS - 32) * EACH
    kept = without_users(log_of_kinds(), result.users)
    untaken = np.setdiff1d(np.arange(1, ITEMS + 1), kept.rows)
    scores = read_array(bundle_path(store, "1"), "popularity/scores.npy")
    assert not scores[untaken].any()


def test_picks_tell_the_kind_and_popularity_does_not(result: NewUsers) -> None:
    test = result.test
    assert list(test) == ["popularity", "most_taken", "picks_1", "picks_3", "picks_5"]
    for count in (1, 3, 5):
        assert test[f"picks_{count}"]["ndcg@10"] > 1.3 * test["popularity"]["ndcg@10"]
        gained = result.beyond[f"picks_{count}"]
        assert gained["ndcg@10"] == pytest.approx(test[f"picks_{count}"]["ndcg@10"] - test["popularity"]["ndcg@10"])
        assert gained["ndcg@10"] > 2 * gained["ndcg@10_se"] > 0
    assert "popularity" not in result.beyond


def test_no_list_has_a_pick(result: NewUsers) -> None:
    assert result.ranked.shape == (len(result.users), 100)
    for ranked, picks in zip(result.ranked, result.picks, strict=True):
        assert len(set(picks.tolist())) == 5
        assert not set(ranked.tolist()) & set(picks.tolist())
        found = ranked[ranked > 0].tolist()
        assert len(found) == len(set(found)) >= 10


def test_two_runs_are_alike(result: NewUsers, tmp_path: Path) -> None:
    again = run(tmp_path)
    assert again.test == result.test
    np.testing.assert_array_equal(again.ranked, result.ranked)
    figures = again.to_json()
    assert (figures["protocol"], figures["users"], figures["beyond_popularity"]) == ("new-users", 32, result.beyond)


def test_too_few_users_are_said_so(tmp_path: Path) -> None:
    few = log_of_kinds().only(np.tile(np.arange(EACH) < 5, USERS))
    with pytest.raises(DatasetError, match="more than 5 items"):
        new_users(few, CONFIG, tmp_path, lambda now: None, 0.2, "1")
