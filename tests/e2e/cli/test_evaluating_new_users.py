"""`trommel evaluate --protocol new-users`: the table, the JSON and the lists of one training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

USERS, ITEMS, TAKEN = 80, 60, 12


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    """Users of three kinds take items of their kind."""
    random = np.random.default_rng(0)
    lines = []
    for user in range(USERS):
        taken = random.choice(np.arange(1 + user % 3, ITEMS + 1, 3), TAKEN, replace=False)
        lines.append(f"{user} {' '.join(map(str, taken))}\n")
    (tmp_path / "sequences.txt").write_text("".join(lines))
    return tmp_path / "sequences.txt"


def evaluate(sequences: Path, *more: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "services.cli.app", "evaluate", str(sequences), "--protocol", "new-users"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TROMMEL_")}
    return subprocess.run(
        [*program, "--threads", "1", *more],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"TROMMEL_DATA_DIR": str(sequences.parent / "data"), "COLUMNS": "120"},
    )


def test_figures_table_and_lists(sequences: Path, tmp_path: Path) -> None:
    out, lists = tmp_path / "out.json", tmp_path / "lists.tsv"
    done = evaluate(sequences, "--seed", "3", "--cold-share", "0.2", "--json", str(out), "--predictions", str(lists))
    assert done.returncode == 0, done.stderr
    for words in ("nothing: popular lately", "nothing: taken most", "one pick", "three picks", "five picks"):
        assert words in done.stdout
    assert "16 users whom the training did not see" in done.stdout
    result = json.loads(out.read_text())
    assert (result["protocol"], result["users"], result["seed"]) == ("new-users", 16, 3)
    assert result["training"]["interactions"] == (USERS - 16) * TAKEN
    for figures in result["test"].values():
        assert 0 <= figures["ndcg@10"] <= 1
        assert f"{figures['ndcg@10']:.4f} ± {figures['ndcg@10_se']:.4f}" in done.stdout
    assert "--protocol new-users --seed 3 --threads 1 --cold-share 0.2" in result["command"]
    rows = lists.read_text().splitlines()
    assert len(rows) == 16
    assert all(len(row.split("\t")[1].split()) >= 10 for row in rows)


def test_wrong_usage_is_one_line_and_costs_no_training(sequences: Path, tmp_path: Path) -> None:
    served = evaluate(sequences, "--served")
    assert (served.returncode, served.stderr.count("\n")) == (2, 1)
    assert "--protocol leave-one-out" in served.stderr
    (tmp_path / "short.txt").write_text("1 2 3\n2 3 4\n")
    short = evaluate(tmp_path / "short.txt")
    assert short.returncode == 1
    assert "more than 5 items" in short.stderr
