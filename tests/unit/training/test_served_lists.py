from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.training.steps.bundle import fit_bundle
from services.training.steps.examples import HeldOut, hold_out_last
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.served_lists import read_of, served_lists
from tests.circle_walks import CONFIG, circle_log


def test_models_read_each_item_where_it_was_last_met() -> None:
    taken = np.array([3, 1, 3, 2, 1], np.int32)
    assert read_of(taken, 10).tolist() == [2, 3, 4]
    assert read_of(taken, 2).tolist() == [3, 4]
    assert read_of(np.empty(0, np.int32), 2).tolist() == []


def test_models_read_no_more_events_than_are_kept() -> None:
    # 256 events are kept: of the 300, those from the 45th on, among which the items 45 to 200 come twice.
    taken = np.concatenate([np.arange(1, 201), np.arange(1, 101)]).astype(np.int32)
    assert taken[read_of(taken, 1000)].tolist() == [*range(101, 201), *range(1, 101)]
    assert read_of(np.arange(1, 301, dtype=np.int32), 1000).tolist() == list(range(44, 300))


@pytest.fixture(scope="module")
def split() -> HeldOut:
    return hold_out_last(circle_log())


@pytest.fixture(scope="module")
def bundle(split: HeldOut, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    fit_bundle(split.log, CONFIG, store, "1", lambda now: None)
    return store / "1"


def test_without_categories_the_slate_is_the_rankers_list(bundle: Path, split: HeldOut) -> None:
    lists = served_lists(bundle, split, 30)
    np.testing.assert_array_equal(lists.slates, lists.ranked)


def test_the_policy_orders_anew_what_was_ranked(bundle: Path, split: HeldOut) -> None:
    halves = ItemAttributes.all_of([(), *(["low" if row <= 20 else "high"] for row in range(1, 41))])
    plain, lists = served_lists(bundle, split, 30), served_lists(bundle, split, 30, halves)
    np.testing.assert_array_equal(lists.ranked, plain.ranked)
    assert (lists.slates != lists.ranked).any()
    np.testing.assert_array_equal(np.sort(lists.slates, axis=1), np.sort(lists.ranked, axis=1))


def test_a_user_alone_gets_the_list_they_get_among_others(bundle: Path, split: HeldOut) -> None:
    together = served_lists(bundle, split, 30)
    for place in (0, 17):
        one = HeldOut(split.log, split.users[place : place + 1], split.targets[place : place + 1])
        np.testing.assert_array_equal(served_lists(bundle, one, 30).slates[0], together.slates[place])
