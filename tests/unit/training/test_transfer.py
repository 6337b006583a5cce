"""Transfer: what is known of a target is what is said to be known, and its texts are worth something."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.core.content_space import ItemContent
from services.core.text_encoder_files import TEXT
from services.training.steps.bundle import DatasetError
from services.training.steps.examples import InteractionLog
from services.training.transfer import Transfer, draw_few, joined, may_be_learnt, only_taken, text_liking, transfer
from tests.circle_walks import CONFIG

KINDS, EACH = 4, 8


def log_of_kinds(items: int, users: int, seed: int, name: str) -> InteractionLog:
    """Every user takes items of one kind; each item says of what kind it is, and what it is about."""
    random = np.random.default_rng(seed)
    kinds = np.arange(items + 1) % KINDS
    taken = [random.choice(np.flatnonzero(kinds[1:] == user % KINDS) + 1, EACH, replace=False) for user in range(users)]
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))[0]
    said = 2.0 * axes[4 + seed] + axes[kinds] + 0.2 * random.normal(size=(items + 1, 16))
    contents = [ItemContent(), *(ItemContent({TEXT: vector.astype(np.float32)}) for vector in said[1:])]
    log = InteractionLog.from_events(
        np.array(["", *(f"{name}-{row:03}" for row in range(1, items + 1))]),
        np.repeat(np.arange(users), EACH).astype(np.int32),
        np.concatenate(taken).astype(np.int32),
        np.tile(np.arange(EACH), users).astype(np.int64) * 1_000_000,
    )
    return replace(log, contents=contents)


def source() -> InteractionLog:
    return log_of_kinds(60, 120, 0, "film")


def target() -> InteractionLog:
    return log_of_kinds(80, 100, 1, "guitar")


def run(store: Path) -> Transfer:
    return transfer(source(), target(), CONFIG, store, lambda now: None, 0.1, "20240101000000")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Transfer:
    return run(tmp_path_factory.mktemp("store"))


def test_the_last_two_of_each_user_are_never_learnt() -> None:
    log = InteractionLog.from_events(
        np.array(["", "a", "b", "c", "d"]),
        np.array([0, 0, 0, 0, 1, 1, 2], dtype=np.int32),
        np.array([1, 2, 3, 4, 1, 2, 3], dtype=np.int32),
        np.arange(7, dtype=np.int64),
    )
    assert may_be_learnt(log).tolist() == [True, True, False, False, True, False, True]


def test_few_are_whole_users_who_hold_the_share() -> None:
    log = target()
    few = draw_few(log, 0.1, seed=3)
    lengths = np.diff(few.starts)
    assert set(lengths.tolist()) == {0, EACH}
    assert len(few) == 0.1 * len(log)
    assert few.user_count == log.user_count
    assert draw_few(log, 0.1, seed=4).rows.tolist() != few.rows.tolist()


def test_a_joined_log_holds_both_and_confuses_neither() -> None:
    first, second = source(), replace(target(), item_ids=np.array(["", *source().item_ids[1:], *map(str, range(20))]))
    both = joined(first, second)
    assert both.item_count == 140
    assert len(set(both.item_ids.tolist())) == 141, "equal ids of both are different items"
    assert both.sequence(5).tolist() == first.sequence(5).tolist()
    assert both.sequence(120 + 5).tolist() == (second.sequence(5) + 60).tolist()
    assert both.contents is not None
    assert second.contents is not None
    assert both.contents[61].vectors is second.contents[1].vectors
    assert [both.contents[row].scenario for row in (0, 60, 61)] == ["", "source", "target"]
    assert both.attributes is not None
    assert both.attributes.count == 2, "a model knows scenarios as it knows categories"
    taken = only_taken(both.only(both.rows != 7))
    assert taken.item_count == 139
    assert "source/film-007" not in taken.item_ids


def test_texts_say_what_a_user_takes_and_a_silent_item_is_average() -> None:
    log = target()
    contents = list(log.contents or ())
    contents[9] = ItemContent()
    users = np.arange(8, dtype=np.int32)
    liking = text_liking(replace(log, contents=contents), users)
    assert not liking[:, 8].any()
    kinds = np.arange(1, 81) % KINDS
    same = []
    for user in range(8):
        unmet = np.setdiff1d(np.arange(80), log.sequence(user) - 1)
        best = unmet[np.argsort(-liking[user, unmet])[:8]]
        same.append((kinds[best] == user % KINDS).mean())
    assert np.mean(same) > 0.5, "a quarter of all items are of a kind"
    with pytest.raises(DatasetError, match="say something"):
        text_liking(replace(log, contents=None), users)


def test_every_list_looks_for_the_same_and_texts_beat_chance(result: Transfer) -> None:
    assert result.few == {"users": 10, "events": 60, "items": result.few["items"]}
    assert len(result.users) == 100
    test = result.test
    assert set(test) == {"random", "popular", "zero_shot", "few_shot", "alone"}
    assert test["zero_shot"]["ndcg@10"] > 2 * test["random"]["ndcg@10"]
    assert test["few_shot"]["ndcg@10"] > test["popular"]["ndcg@10"]
    met = target()
    for user, ranked in zip(result.users, result.ranked, strict=True):
        listed = ranked[ranked > 0]
        assert len(listed) == 80 - (EACH - 1), "all that was not met"
        assert not np.isin(met.sequence(int(user))[:-1], listed).any()
    for name, beyond in result.beyond_alone.items():
        assert beyond["ndcg@10"] == pytest.approx(test[name]["ndcg@10"] - test["alone"]["ndcg@10"])


def test_a_young_target_is_served_by_texts_and_takers(result: Transfer) -> None:
    assert result.manifest.training["young_scenarios"] == ["target"]
    assert result.test["few_shot"]["ndcg@10"] > result.test["alone"]["ndcg@10"]


def test_equal_runs_give_equal_figures(result: Transfer, tmp_path: Path) -> None:
    again = run(tmp_path)
    assert again.test == result.test
    np.testing.assert_array_equal(again.ranked, result.ranked)
