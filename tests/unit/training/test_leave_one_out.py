from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.training.leave_one_out import LeakError, LeaveOneOut, leave_one_out, measure
from services.training.steps.evaluate import pad_lists
from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last
from services.training.steps.fit_progress import Progress
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.served_lists import ServedLists
from tests.circle_walks import CONFIG, circle_log
from tests.planted_leak import leaky_hold_out_last


def log_of_halves() -> InteractionLog:
    halves = ItemAttributes.from_names([(), *(["low" if row <= 20 else "high"] for row in range(1, 41))])
    return replace(circle_log(), attributes=halves)


def run(store: Path) -> LeaveOneOut:
    return leave_one_out(log_of_halves(), CONFIG, store, lambda now: None, "1")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> LeaveOneOut:
    return run(tmp_path_factory.mktemp("store"))


def test_every_source_the_candidates_and_the_ranker_are_measured(result: LeaveOneOut) -> None:
    names = {"popularity", "item_knn", "transitions", "attributes", "matrix_factors", "sequence"}
    assert set(result.test) == {*names, "candidates", "ranker", "slate"}
    assert result.test["ranker"]["recall@10"] > result.test["popularity"]["recall@10"]
    candidates = result.test["candidates"]
    assert candidates["recall@100"] <= candidates["recall@300"] <= candidates["recall@500"]
    assert result.to_json()["users"] == 60
    # Lists of the forty items hold both halves, so that they are varied, and neighbours, so that they are alike.
    assert 0.0 < result.test["ranker"]["intra_list_diversity@10"] < 1.0


def test_equal_runs_give_equal_figures(result: LeaveOneOut, tmp_path: Path) -> None:
    again = run(tmp_path)
    assert again.test == result.test
    np.testing.assert_array_equal(again.ranked, result.ranked)


@pytest.mark.parametrize("killed_in", ["transformer", "test"])
def test_a_killed_run_goes_on_where_it_was(
    result: LeaveOneOut, tmp_path: Path, killed_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.training.steps.fit_progress._REPORT_EVERY_SECONDS", 0.0)

    class KilledError(Exception):
        pass

    def killed(now: Progress) -> None:
        if now.stage == killed_in and (now.fraction > 0.6 or now.stage == "test"):
            raise KilledError

    said: list[Progress] = []
    with pytest.raises(KilledError):
        leave_one_out(log_of_halves(), CONFIG, tmp_path, killed)
    resumed = leave_one_out(log_of_halves(), CONFIG, tmp_path, said.append)
    if killed_in == "test":
        assert {now.stage for now in said} == {"test"}, "the sealed bundle is measured, not made anew"
    else:
        assert said[1].fraction > 0.2, "finished epochs are not trained again"
    assert resumed.test == result.test
    np.testing.assert_array_equal(resumed.ranked, result.ranked)
    assert {path.name for path in tmp_path.iterdir()} == {".runs", resumed.manifest.version}
    assert list((tmp_path / ".runs").iterdir()) == [], "a run that has ended is not taken up again"


def test_lists_hold_nothing_of_the_history_and_nothing_twice(result: LeaveOneOut) -> None:
    split = hold_out_last(circle_log())
    for user, rows in zip(result.users, result.ranked, strict=True):
        shown = rows[rows > 0].tolist()
        assert len(shown) == len(set(shown)) >= 10
        assert not set(shown) & set(split.log.sequence(int(user)).tolist())


def test_a_planted_test_item_ends_the_run_before_anything_is_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = circle_log()
    monkeypatch.setattr("services.training.leave_one_out.hold_out_last", leaky_hold_out_last)
    monkeypatch.setattr("services.training.leave_one_out.fit_bundle", lambda *_: pytest.fail("it learns"))
    item = log.item_ids[hold_out_last(log).targets[7]]
    with pytest.raises(LeakError, match=f"the test item {item} of a user is among the interactions to learn from"):
        leave_one_out(log, CONFIG, tmp_path, lambda now: None)


def test_figures_by_hand() -> None:
    lists = pad_lists([np.array([4, 7, 9], np.int32), np.array([1], np.int32)], 100)
    served = ServedLists(
        {"one": lists},
        pad_lists([np.array([7, 4]), np.array([3])], 500),
        lists,
        lists[::-1].copy(),
        np.zeros((2, 0), np.float32),
    )
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
    assert table["ranker"]["ndcg@10_se"] == pytest.approx(0.5 / np.log2(3) / np.sqrt(2))
    assert table["ranker"]["hit_rate@10"] == 0.5
    assert "intra_list_diversity@10" not in table["ranker"], "nothing is known of the items"
    assert table["slate"]["recall@10"] == 0.0, "the lists of the other user"
    assert table["candidates"] == {"recall@100": 0.5, "recall@300": 0.5, "recall@500": 0.5, "mean_count": 1.5}
