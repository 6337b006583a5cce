from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.training.leave_one_out import LeakError, LeaveOneOut, check_no_leak, leave_one_out, measure
from services.training.steps.evaluate import pad_lists
from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.served_lists import ServedLists
from tests.circle_walks import CONFIG, circle_log


def run(store: Path) -> LeaveOneOut:
    log = circle_log()
    halves = ItemAttributes.from_names([(), *(["low" if row <= 20 else "high"] for row in range(1, 41))])
    return leave_one_out(replace(log, attributes=halves), CONFIG, store, lambda now: None, "1")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> LeaveOneOut:
    return run(tmp_path_factory.mktemp("store"))


def test_every_source_the_candidates_and_the_ranker_are_measured(result: LeaveOneOut) -> None:
    names = {"popularity", "item_knn", "transitions", "attributes", "matrix_factors", "sequence"}
    assert set(result.test) == {*names, "candidates", "ranker", "slate", "by_history_length"}
    assert result.test["ranker"]["recall@10"] > result.test["popularity"]["recall@10"]
    candidates = result.test["candidates"]
    assert candidates["recall@100"] <= candidates["recall@300"] <= candidates["recall@500"]
    assert result.to_json()["users"] == 60


def test_equal_runs_give_equal_figures(result: LeaveOneOut, tmp_path: Path) -> None:
    again = run(tmp_path)
    assert again.test == result.test
    np.testing.assert_array_equal(again.ranked, result.ranked)


def test_lists_hold_nothing_of_the_history_and_nothing_twice(result: LeaveOneOut) -> None:
    split = hold_out_last(circle_log())
    for user, rows in zip(result.users, result.ranked, strict=True):
        shown = rows[rows > 0].tolist()
        assert len(shown) == len(set(shown)) >= 10
        assert not set(shown) & set(split.log.sequence(int(user)).tolist())


def test_a_planted_leak_is_caught() -> None:
    log = circle_log()
    split = hold_out_last(log)
    check_no_leak(log, split)
    with pytest.raises(LeakError, match="is among the interactions to learn from"):
        check_no_leak(log, HeldOut(log, split.users, split.targets))
    # One user's test item in the place of another interaction of theirs: the count alone would not tell.
    rows = split.log.rows.copy()
    rows[split.log.starts[8] - 1] = split.targets[7]
    with pytest.raises(LeakError, match=str(log.item_ids[split.targets[7]])):
        check_no_leak(log, HeldOut(replace(split.log, rows=rows), split.users, split.targets))


def test_figures_by_hand() -> None:
    lists = pad_lists([np.array([4, 7, 9], np.int32), np.array([1], np.int32)], 100)
    served = ServedLists({"one": lists}, pad_lists([np.array([7, 4]), np.array([3])], 500), lists, lists[::-1].copy())
    log = InteractionLog(
        np.array(["", *map(str, range(1, 11))]), np.array([0, 1, 8]), np.array([3, 1, 2, 3, 4, 5, 6, 8]), np.zeros(8)
    )
    table = measure(served, HeldOut(log, np.array([0, 1]), np.array([7, 2], dtype=np.int32)))
    assert table["ranker"]["recall@10"] == table["one"]["recall@10"] == 0.5
    assert table["ranker"]["ndcg@10"] == pytest.approx(0.5 / np.log2(3))
    assert table["ranker"]["recall@10_se"] == pytest.approx(0.5 / np.sqrt(2))
    assert table["ranker"]["coverage@10"] == 0.4
    assert table["ranker"]["precision@10"] == 0.05
    assert table["ranker"]["map@10"] == 0.25
    assert table["slate"]["recall@10"] == 0.0, "the lists of the other user"
    assert table["by_history_length"] == {"0-4": 1.0, "5-9": 0.0, "largest_gap": 0.0}
    assert table["candidates"] == {"recall@100": 0.5, "recall@300": 0.5, "recall@500": 0.5, "mean_count": 1.5}
