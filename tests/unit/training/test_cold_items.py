"""Cold items leave no trace in what is trained on, and are found again by what they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import bundle_path, read_array
from services.core.content_map import ContentMap
from services.core.content_space import ItemContent
from services.training.cold_items import ColdItems, choose_cold, cold_items
from services.training.steps.bundle import DatasetError
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import ContentMapConfig
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.without_items import without_items
from tests.circle_walks import CONFIG

ITEMS, KINDS, USERS, EACH = 120, 4, 160, 10
SETTINGS = replace(CONFIG, content_map=ContentMapConfig(sharpnesses=(1.5,), noises=(0.1,), part_weights=(0.0,)))


def log_of_kinds() -> InteractionLog:
    """Every user takes items of one kind, in any order; a "text" vector tells the kind, mixed with chance."""
    random = np.random.default_rng(0)
    kinds = np.arange(ITEMS + 1) % KINDS
    taken = [random.choice(np.flatnonzero(kinds[1:] == user % KINDS) + 1, EACH, replace=False) for user in range(USERS)]
    log = InteractionLog.from_events(
        np.array(["", *(f"item-{row:03}" for row in range(1, ITEMS + 1))]),
        np.repeat(np.arange(USERS), EACH).astype(np.int32),
        np.concatenate(taken).astype(np.int32),
        np.tile(np.arange(EACH), USERS).astype(np.int64),
    )
    vectors = np.eye(KINDS)[kinds] + 0.3 * random.normal(size=(ITEMS + 1, KINDS))
    contents = [ItemContent({"text": vectors[row].astype(np.float32)}, (f"of {row % 2}",)) for row in range(ITEMS + 1)]
    contents[0] = ItemContent()
    names = [content.categories for content in contents]
    return replace(log, contents=contents, attributes=ItemAttributes.from_names(names))


def run(store: Path) -> ColdItems:
    return cold_items(log_of_kinds(), SETTINGS, store, lambda now: None, 0.2, "1")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def result(store: Path) -> ColdItems:
    return run(store)


def test_cold_items_leave_no_trace() -> None:
    log = log_of_kinds()
    cold = choose_cold(log, 0.2, seed=0)
    assert len(cold) == 24
    assert (np.diff(cold) > 0).all()
    assert choose_cold(log, 0.2, seed=1).tolist() != cold.tolist()
    warm = without_items(log, cold)
    assert not set(log.item_ids[cold]) & set(warm.item_ids)
    assert warm.item_count == ITEMS - 24
    assert warm.user_count == log.user_count
    for user in range(USERS):
        kept = [item for item in log.item_ids[log.sequence(user)] if item not in set(log.item_ids[cold])]
        assert warm.item_ids[warm.sequence(user)].tolist() == kept
    assert warm.contents is not None
    assert warm.attributes is not None
    for row in (1, 50, warm.item_count):
        of_before = int(np.flatnonzero(log.item_ids == warm.item_ids[row])[0])
        assert warm.contents[row] is log.contents[of_before]
        codes = warm.attributes.codes[warm.attributes.starts[row] : warm.attributes.starts[row + 1]]
        assert codes.tolist() == [of_before % 2]


def test_the_bundle_knows_none_of_them(store: Path, result: ColdItems) -> None:
    ids = set(read_array(bundle_path(store, "1"), "items/ids.npy"))
    assert len(ids) == ITEMS - 24 + 1
    assert not ids & {f"item-{row:03}" for row in result.cold}
    assert ContentMap.load(bundle_path(store, "1")) is not None
    assert result.manifest.training["content_map"]["items"] <= ITEMS - 24
    assert result.manifest.training["newcomers"]["slope"] >= 0


def test_they_are_found_by_what_they_are(result: ColdItems) -> None:
    test = result.test
    assert set(test) == {"ranker", "content_knn", "content_knn_centred", "content_knn_top", "random"}
    assert test["ranker"]["ndcg@10"] > 2 * test["random"]["ndcg@10"]
    # A ranker of a few epochs finds kinds, not people: the neighbours are only named beside it here.
    assert test["content_knn"]["ndcg@10"] > 2 * test["random"]["ndcg@10"]
    assert test["ranker"]["ndcg@10_se"] > 0
    # Every list is of all cold items, and everybody met one of them and something else.
    assert all(sorted(rows) == result.cold.tolist() for rows in result.ranked.tolist())
    log = log_of_kinds()
    for user in result.users:
        met = np.isin(log.sequence(int(user)), result.cold)
        assert met.any()
        assert not met.all()
    figures = result.to_json()
    assert (figures["protocol"], figures["cold_items"], figures["items"]) == ("cold-items", 24, ITEMS - 24)


def test_two_runs_are_alike(result: ColdItems, tmp_path: Path) -> None:
    again = run(tmp_path)
    assert again.test == result.test
    np.testing.assert_array_equal(again.ranked, result.ranked)


def test_without_content_nothing_can_be_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="something is known"):
        cold_items(replace(log_of_kinds(), contents=None), SETTINGS, tmp_path, lambda now: None, 0.2, "1")


def test_who_is_asked_is_not_read(tmp_path: Path) -> None:
    log = log_of_kinds()
    owners = log.users()
    of_events = np.eye(KINDS)[log.rows % KINDS] + 0.3 * np.random.default_rng(1).normal(size=(len(log), KINDS))
    masks = []

    def contents(read: np.typing.NDArray[np.bool_]) -> list[ItemContent]:
        masks.append(read)
        sums = np.zeros((ITEMS + 1, KINDS), dtype=np.float32)
        np.add.at(sums, log.rows[read], of_events[read])
        return [ItemContent({"text": row}) if row.any() else ItemContent() for row in sums]

    told = cold_items(replace(log, contents=None), SETTINGS, tmp_path, lambda now: None, 0.2, "1", contents)
    (read,) = masks
    cold = np.isin(log.rows, told.cold)
    assert read[~cold].all()
    assert 0.3 < read[cold].mean() < 0.7
    # Nobody is both: of whoever is asked, nothing is read about any of the cold items.
    assert set(told.users.tolist()) == set(owners[cold & ~read].tolist())
    assert not set(told.users.tolist()) & set(owners[cold & read].tolist())
    assert told.described == ITEMS
    assert told.test["ranker"]["ndcg@10"] > 1.5 * told.test["random"]["ndcg@10"]
