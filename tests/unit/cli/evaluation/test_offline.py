from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.cli.evaluation.offline import read_log
from services.cli.readers import parquet, recbole, s3rec
from services.cli.readers.records import ReadOptions
from tests.free_ports import free_port_base


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    (tmp_path / "sequences.txt").write_text("7 30 10 20\n8 10\n")
    (tmp_path / "item_attributes.json").write_text(json.dumps({"10": [1, 2], "20": [2], "30": [], "99": [1, 2]}))
    return tmp_path


def test_sequences_with_attributes(sequences: Path) -> None:
    read = read_log(s3rec.open_dataset(sequences, ReadOptions()))
    assert read.user_ids == ["7", "8"]
    assert read.log.item_ids.tolist() == ["", "10", "20", "30"], "what nobody took is no item of the protocol"
    assert [rows.tolist() for rows in read.log.sequences()] == [[3, 1, 2], [1]]
    assert read.log.attributes is not None
    assert read.log.attributes.count == 1, "an attribute of one item says nothing of others"
    assert read.log.attributes.starts.tolist() == [0, 0, 1, 2, 2]


def test_recbole_files_in_time_order_with_ties_as_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "ml.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n7\tb\t3\t9\n7\ta\t5\t1\n3\tc\t1\t4\n7\tc\t1\t9\n"
        "broken\n"
    )
    (tmp_path / "ml.item").write_text(
        "item_id:token\tmovie_title:token_seq\tclass:token_seq\na\tA\tWar Drama\nb\tB\tWar\nc\tC\tDrama\n"
    )
    read = read_log(recbole.open_dataset(tmp_path, ReadOptions()))
    assert read.user_ids == ["7", "3"]
    assert [read.log.item_ids[rows].tolist() for rows in read.log.sequences()] == [["a", "b", "c"], ["c"]]
    assert read.bad_rows == 1
    assert read.log.attributes is not None
    assert read.log.attributes.count == 2


def test_parquet(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {"user_id": ["u", "u", "v"], "item_id": ["b", "a", "a"], "timestamp": [20, 10, 5], "rating": [1.0, 2, 3]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "events.parquet")
    read = read_log(parquet.open_dataset(tmp_path / "events.parquet", ReadOptions()))
    assert [read.log.item_ids[rows].tolist() for rows in read.log.sequences()] == [["a", "b"], ["a"]]
    assert read.log.attributes is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "there is no nowhere: name a file, a directory or movielens-100k"),
        ((), "name the data set: movielens-100k, a file or a directory"),
        (("nowhere", "--served"), "there is no nowhere: name a file, a directory or movielens-100k"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(
    trommel: Callable[..., Any], arguments: tuple[str, ...], said: str
) -> None:
    outcome = trommel("evaluate", *arguments, "--protocol", "leave-one-out")
    assert outcome.code != 0
    assert said in outcome.error_line


def test_a_data_set_too_small_to_train_on_is_one_line(trommel: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "sequences.txt"
    path.write_text("1 5 6\n2 5 7\n")
    outcome = trommel("evaluate", str(path), "--protocol", "leave-one-out")
    assert outcome.code == 1
    assert "training needs at least two items and one user with two interactions" in outcome.error_line


def test_where_no_stack_can_start_one_line_says_so_before_the_training(
    trommel: Callable[..., Any], sequences: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(sequences))
    before = dict(os.environ)
    with socket.socket() as taken:
        base = free_port_base()
        taken.bind(("127.0.0.1", base + 2))
        taken.listen()
        arguments = ("evaluate", str(sequences), "--protocol", "leave-one-out", "--served", "--port-base", str(base))
        outcome = trommel(*arguments)
    assert outcome.code == 1
    assert f"port {base + 2} (ranking) is in use" in outcome.error_line
    assert "--port-base" in outcome.error_line
    assert dict(os.environ) == before
    assert not [path for path in sequences.iterdir() if path.is_dir()]


def test_two_runs_of_one_seed_are_equal_and_leave_their_files(trommel: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "sequences.txt"
    random = np.random.default_rng(0)
    starts = random.integers(0, 30, 25)
    path.write_text("".join(f"{u} {' '.join(str((s + n) % 30 + 1) for n in range(6))}\n" for u, s in enumerate(starts)))
    figures = []
    for run in ("one", "two"):
        out, predictions, page = (tmp_path / f"{run}.{kind}" for kind in ("json", "tsv", "html"))
        outcome = trommel(
            *("evaluate", str(path), "--protocol", "leave-one-out", "--seed", "3", "--threads", "1"),
            *("--json", str(out), "--predictions", str(predictions), "--report", str(page)),
        )
        assert outcome.code == 0, outcome.notes
        assert "ranker" in outcome.output
        assert "full cascade" in outcome.output
        found = json.loads(out.read_text())
        assert found.pop("seconds")["all"] > 0
        assert f"{found['test']['ranker']['ndcg@10']:.4f}" in page.read_text("utf-8")
        figures.append((found, predictions.read_text()))
    assert figures[0] == figures[1]
    found = figures[0][0]
    assert set(found["ablation"]["without"]) == {*found["training"]["config"]["sources"], "transformer"}
    assert set(found["groups"]) == {"by_popularity", "by_history_length"}
    assert set(found["differences"]["against"]) == set(found["training"]["config"]["sources"])
    assert len(found["training"]["curve"]["epochs"]) == found["training"]["epochs"]
    assert found["recall_curves"]["lists"]["ranker"][2] == found["test"]["ranker"]["recall@10"]
    assert found["data"]["test_users"] == 25
    assert found["command"].endswith("--protocol leave-one-out --seed 3 --threads 1")
    lines = figures[0][1].splitlines()
    assert len(lines) == figures[0][0]["users"] == 25
    user, _, items = lines[0].partition("\t")
    assert user == "0"
    assert len(items.split()) >= 10
