"""The lists of a bundle trained here, through a stack that the command starts for itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from services.embedded.launch import MARKER

USERS, ITEMS, TAKEN = 60, 330, 8


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    """Walks around a circle of items of six kinds; some items are of two, some of none."""
    random = np.random.default_rng(0)
    lines = []
    for user in range(USERS):
        walk = (random.integers(ITEMS) + np.cumsum(random.integers(1, 4, TAKEN))) % ITEMS + 1
        lines.append(f"{user} {' '.join(map(str, walk))}\n")
    (tmp_path / "sequences.txt").write_text("".join(lines))
    kinds = {str(item): [item // 55, *([10] if item % 7 == 0 else [])] for item in range(1, ITEMS + 1) if item % 11}
    (tmp_path / "item_attributes.json").write_text(json.dumps(kinds))
    return tmp_path / "sequences.txt"


def command(sequences: Path, *more: str) -> list[str]:
    program = [sys.executable, "-m", "services.cli.app", "evaluate", str(sequences)]
    return [*program, "--protocol", "leave-one-out", "--served", "--threads", "1", *more]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Temporary files in a folder of the test; what another stack's environment says must not matter."""
    (tmp_path / "temporary").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TROMMEL_")}
    foreign = {"TROMMEL_RANKING_URL": "127.0.0.1:1", "TROMMEL_DIVERSITY_STRENGTH": "9", "TROMMEL_PORT_BASE": "1"}
    return kept | foreign | {"TROMMEL_DATA_DIR": str(tmp_path / "data"), "TMPDIR": str(tmp_path / "temporary")}


def assert_nothing_is_left(environment: dict[str, str]) -> None:
    temporary = Path(environment["TMPDIR"])
    assert not list(temporary.glob("trommel-*"))
    assert not [process for process in psutil.process_iter() if _marked_with(process, temporary)]
    assert not watches(environment)


def watches(environment: dict[str, str]) -> list[psutil.Process]:
    """What stops the stack when the command is killed."""
    found = psutil.process_iter(["cmdline"])
    return [
        one
        for one in found
        if "services.cli.evaluation.stack_watch" in (command := one.info["cmdline"] or [])
        and command[-1].startswith(environment["TMPDIR"])
    ]


def _marked_with(process: psutil.Process, temporary: Path) -> bool:
    try:
        return str(process.environ().get(MARKER, "")).startswith(str(temporary))
    except psutil.Error:
        return False


def test_served_lists_are_the_offline_ones(sequences: Path, environment: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = subprocess.run(
        command(sequences, "--json", str(out)),
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(out.read_text())
    served, slate = result["served"], result["test"]["slate"]
    assert served["agreement@10"] >= 0.999
    assert served["agreement@100"] >= 0.999
    assert served["users"] == result["users"] == USERS
    assert (served["failed_calls"], served["degraded_answers"]) == (0, 0)
    assert served["calls_per_second"] > 0
    assert served["p50_milliseconds"] <= served["p99_milliseconds"]
    names = ("recall@10", "ndcg@10", "mrr@10", "recall@100", "coverage@10")
    assert [served["offline"][name] for name in names] == [slate[name] for name in names]
    assert [served[name] for name in names] == pytest.approx([slate[name] for name in names], abs=1e-3)
    ranker = result["test"]["ranker"]
    assert slate["intra_list_diversity@10"] > ranker["intra_list_diversity@10"], "the policy has done something"
    assert "of the positions of the top 10" in done.stdout
    assert_nothing_is_left(environment)


# The stack of such an evaluation, without the minute of training before it.
STACK_ALONE = """
import time
from services.cli.ending import ends_orderly
from services.cli.evaluation.private_stack import private_stack
with ends_orderly(), private_stack(None):
    time.sleep(100)  # until the test interrupts or kills it
"""


def begun(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the private stack of a program has begun to start."""
    until = time.monotonic() + 120
    while "postgres is ready" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_interrupted_it_leaves_nothing(environment: dict[str, str], tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    program = [sys.executable, "-c", STACK_ALONE]
    with log.open("w") as file, subprocess.Popen(program, stdout=file, stderr=file, env=environment) as process:
        begun(process, log)
        process.send_signal(number)
        process.wait(90)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in log.read_text()
    assert_nothing_is_left(environment)


def test_killed_it_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = [sys.executable, "-c", STACK_ALONE]
    with log.open("w") as file, subprocess.Popen(program, stdout=file, stderr=file, env=environment) as process:
        begun(process, log)
        watching = watches(environment)
        process.kill()
    assert len(watching) == 1
    until = time.monotonic() + 120
    while watches(environment) and time.monotonic() < until:
        time.sleep(0.1)
    assert_nothing_is_left(environment)
