"""Merging by rank, with and without an integer key."""

from __future__ import annotations

import numpy as np
import pytest

from services.core.candidate_set import ITEM_KEY, CandidateSet
from services.core.pipeline.merge import merge, merged_rows
from tests.unit.core.pipeline.stages import make_set

NAMES = ("popular", "neighbours")


def key_of(item_id: str) -> int:
    return ord(item_id) - ord("a")


def keyed(*item_ids: str, factor: int = 1) -> CandidateSet:
    return make_set(*item_ids, **{ITEM_KEY: np.array([key_of(i) * factor for i in item_ids], np.int64)})


@pytest.mark.parametrize("make", [make_set, keyed, lambda *ids: keyed(*ids, factor=10**12)])
def test_best_ranks_come_first_and_masks_tell_who_proposed(make) -> None:
    merged = merge(NAMES, [make("a", "b", "c"), make("d", "b")])
    assert merged.item_ids.tolist() == ["a", "d", "b", "c"]
    assert merged.source_masks.tolist() == [0b01, 0b10, 0b11, 0b01]
    assert merged.sources_of(2) == ["popular", "neighbours"]


def test_columns_that_all_bring_come_along() -> None:
    merged = merge(NAMES, [make_set("a", "b", row=[1, 2], x=[0, 0]), make_set("b", "c", row=[2, 3])])
    assert merged.item_ids.tolist() == ["a", "b", "c"]
    assert {name: column.tolist() for name, column in merged.columns.items()} == {"row": [1, 2, 3]}


def test_silent_sources_keep_their_bits() -> None:
    merged = merge(NAMES, [None, make_set("a")])
    assert merged.sources == NAMES
    assert merged.source_masks.tolist() == [0b10]
    assert len(merge(NAMES, [None, make_set()])) == 0


def test_an_only_source_that_names_sources_is_merged_already() -> None:
    given = CandidateSet(np.array(["a"], np.object_), ("x", "y"), np.array([2], np.uint32), {})
    assert merge(("remote",), [given]) is given


def test_with_and_without_keys_the_result_is_the_same() -> None:
    random = np.random.default_rng(7)
    for _ in range(50):
        lists = [[chr(97 + i) for i in random.permutation(20)[: random.integers(0, 15)]] for _ in range(3)]
        names = ("x", "y", "z")
        plain = merge(names, [make_set(*ids) for ids in lists])
        by_key = merge(names, [keyed(*ids) for ids in lists])
        assert plain.item_ids.tolist() == by_key.item_ids.tolist()
        assert plain.source_masks.tolist() == by_key.source_masks.tolist()
        best = {i: min((ids.index(i), s) for s, ids in enumerate(lists) if i in ids) for i in plain.item_ids}
        assert plain.item_ids.tolist() == sorted(best, key=lambda i: best[i])


def test_rows_alone_are_merged_in_the_same_order() -> None:
    random = np.random.default_rng(0)
    lists = [random.permutation(60)[: random.integers(0, 40)].astype(np.int32) for _ in range(5)]
    sets = [make_set(*map(str, rows), **{ITEM_KEY: rows.astype(np.int64)}) if len(rows) else None for rows in lists]
    wanted = [int(item_id) for item_id in merge(tuple("abcde"), sets).item_ids]
    assert merged_rows(lists, 100).tolist() == wanted
    assert merged_rows(lists, 7).tolist() == wanted[:7]
    assert merged_rows([], 7).tolist() == merged_rows([np.empty(0, np.int32)], 7).tolist() == []
