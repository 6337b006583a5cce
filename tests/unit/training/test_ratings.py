"""The protocol of ratings: nothing asked for is read, and content tells of items that nobody has rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.core.content_space import ItemContent
from services.training.cold_items import choose_cold
from services.training.rating_answers import by_neighbours
from services.training.ratings import Bools, Ratings, foretell_ratings, held_out
from services.training.steps.bundle import DatasetError
from services.training.steps.examples import HeldOut, InteractionLog
from services.training.steps.fit_config import ContentMapConfig
from services.training.steps.leak_check import LeakError
from services.training.steps.rating_biases import RatingBiases
from tests.circle_walks import CONFIG

ITEMS, USERS, EACH = 90, 120, 20
SETTINGS = replace(
    CONFIG,
    transformer=replace(CONFIG.transformer, epochs=1),
    content_map=ContentMapConfig(sharpnesses=(1.5,), noises=(0.3,), part_weights=(0.0,)),
)


def log_of_tastes(contents: bool = True) -> InteractionLog:
    """Items are of one of two kinds, which a vector tells, and every user likes the items of one kind."""
    random = np.random.default_rng(0)
    rows = np.stack([random.permutation(ITEMS)[:EACH] + 1 for _ in range(USERS)]).astype(np.int32)
    likes = rows % 2 == np.arange(USERS)[:, None] % 2
    values = np.clip(np.where(likes, 4.0, 2.0) + random.normal(scale=0.3, size=rows.shape), 1, 5)
    log = InteractionLog.from_events(
        np.array(["", *(f"item-{row:03}" for row in range(1, ITEMS + 1))]),
        np.repeat(np.arange(USERS), EACH).astype(np.int32),
        rows.ravel(),
        np.tile(np.arange(EACH), USERS).astype(np.int64),
        values.ravel().astype(np.float32),
    )
    if not contents:
        return log
    vectors = np.eye(2)[np.arange(ITEMS + 1) % 2] + 0.2 * random.normal(size=(ITEMS + 1, 2))
    return replace(
        log, contents=[ItemContent(), *(ItemContent({"text": row.astype(np.float32)}) for row in vectors[1:])]
    )


def run(log: InteractionLog, work: Path) -> Ratings:
    return foretell_ratings(log, SETTINGS, work, lambda now: None, 0.1, 0.2)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Ratings:
    return run(log_of_tastes(), tmp_path_factory.mktemp("work"))


def test_known_items_are_foretold_at_least_as_well_as_by_matrix_factorisation(result: Ratings) -> None:
    test = {name: figures["rmse"] for name, figures in result.test.items()}
    assert set(test) == {"global_mean", "biases", "matrix_factors", "head_without_content", "head"}
    assert test["matrix_factors"] < 0.7 * test["biases"]
    assert test["head"] < 1.1 * test["matrix_factors"]
    assert result.counts == {"all": USERS * EACH, "validation": 240, "test": 240, "cold": result.counts["cold"]}
    assert all(figures["rmse_se"] > 0 for figures in result.test.values())


def test_cold_items_are_foretold_by_what_they_are(result: Ratings) -> None:
    cold = {name: figures["rmse"] for name, figures in result.cold.items()}
    assert set(cold) == {"global_mean", "user_bias", "content_knn", "head"}
    assert cold["content_knn"] < 0.8 * cold["user_bias"]
    assert cold["head"] < 0.8 * cold["user_bias"]
    assert result.chosen["content"]["content"]["items"] <= ITEMS - len(choose_cold(log_of_tastes(), 0.2, 0))


def test_without_content_cold_items_are_not_foretold_and_the_head_is_the_same(tmp_path: Path) -> None:
    result = run(log_of_tastes(contents=False), tmp_path)
    assert result.cold == {}
    assert result.counts["cold"] == 0
    assert result.test["head"] == result.test["head_without_content"]


def test_two_runs_are_alike(result: Ratings, tmp_path: Path) -> None:
    again = run(log_of_tastes(), tmp_path)
    assert (again.test, again.cold) == (result.test, result.cold)


def test_what_is_asked_for_is_never_read(tmp_path: Path) -> None:
    log = log_of_tastes()
    asked: list[Bools] = []

    def contents(read: Bools) -> Sequence[ItemContent] | None:
        asked.append(~read)
        return log.contents

    foretell_ratings(log, SETTINGS, tmp_path, lambda now: None, 0.1, 0.2, contents)
    # Choosing and testing, of known items; the same of cold ones, and the cold items' own.
    assert [int(mask.sum()) for mask in asked[:2]] == [480, 240]
    cold = np.isin(log.rows, choose_cold(log, 0.2, 0))
    assert (asked[3] == cold).all()
    assert 0 < (asked[4] & cold).sum() < cold.sum()


def test_a_rating_that_is_read_and_asked_for_ends_the_run() -> None:
    log = log_of_tastes()
    one = np.arange(len(log)) == 7
    with pytest.raises(LeakError, match="asked for"):
        held_out(log, one, np.ones(len(log), np.bool_), lambda read: None)
    split = held_out(log, one, ~one, lambda read: None)
    assert log.values is not None
    assert split.values is not None
    assert (split.users.tolist(), split.targets.tolist()) == ([0], [log.rows[7]])
    assert split.values.tolist() == [log.values[7]]
    assert len(split.log) == len(log) - 1


def test_without_ratings_there_is_nothing_to_foretell(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="too few ratings"):
        run(replace(log_of_tastes(), values=None), tmp_path)


def test_neighbours_by_hand() -> None:
    log = InteractionLog.from_events(
        np.array(["", "a", "b", "c"]),
        np.array([0, 0], np.int32),
        np.array([1, 2], np.int32),
        np.array([0, 1], np.int64),
        np.array([5.0, 1.0], np.float32),
    )
    features = np.array([[0, 0], [1, 0], [0, 1], [0.5, -0.5]], np.float32)
    final = HeldOut(log, np.array([0], np.int32), np.array([3], np.int32))
    # Half alike to the 5, nothing to the 1; the user's mean of 3 counts once.
    assert by_neighbours(final, features, RatingBiases.of(log)).tolist() == pytest.approx([(0.5 * 5 + 3) / 1.5])
