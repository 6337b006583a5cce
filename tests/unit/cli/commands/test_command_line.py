from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

COMMANDS = [
    ("up",),
    ("down",),
    ("status",),
    ("doctor",),
    ("backup",),
    ("restore",),
    ("data", "fetch"),
    ("data", "import"),
    ("train",),
    ("bundles", "list"),
    ("bundles", "activate"),
    ("bundles", "import"),
    ("recommend",),
    ("similar",),
    ("events", "add"),
    ("events", "history"),
    ("items", "list"),
    ("items", "get"),
    ("evaluate",),
    ("demo",),
]
CALLS = [
    ("recommend", "--user", "1"),
    ("similar", "1"),
    ("events", "add", "--user", "1", "--item", "2"),
    ("events", "history", "--user", "1"),
    ("items", "list"),
    ("items", "get", "1"),
    ("bundles", "list"),
    ("bundles", "activate", "20260101000000"),
    ("train",),
]
Call = Callable[..., Any]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_examples_and_exit_codes(trommel: Call, command: tuple[str, ...]) -> None:
    outcome = trommel(*command, "--help")
    assert outcome.code == 0
    assert f"trommel {' '.join(command)}" in outcome.output
    assert "Examples" in outcome.output
    assert "Exit codes" in outcome.output


@pytest.mark.parametrize("arguments", CALLS, ids=lambda call: " ".join(call[:2]))
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_without_a_stack_one_line_says_what_to_do(
    trommel: Call, arguments: tuple[str, ...], form: tuple[str, ...]
) -> None:
    outcome = trommel(*arguments, *form)
    assert outcome.code == 1
    assert outcome.output == ""
    assert "the stack is not running" in outcome.error_line
    assert "trommel up" in outcome.error_line


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("bogus",),
        ("recommend",),
        ("recommend", "--user", "1", "-k", "many"),
        ("recommend", "--user", "1", "--bogus"),
        ("events", "add", "--user", "1", "--item", "2", "--type", "sneeze"),
        ("events", "add", "--user", "1", "--item", "2", "--time", "yesterday"),
        ("events", "add", "--user", "1", "--item", "2", "--item", "3", "--event-id", "one"),
        ("data", "fetch", "netflix"),
        ("data", "import", "somewhere"),
        ("data", "import", "somewhere", "--format", "csv"),
        ("evaluate",),
        ("evaluate", "somewhere", "--port-base", "7500"),
        ("bundles", "import"),
    ],
    ids=lambda call: " ".join(call) or "nothing",
)
def test_wrong_usage_is_exit_code_2(trommel: Call, arguments: tuple[str, ...]) -> None:
    outcome = trommel(*arguments)
    assert outcome.code == 2
    assert "Traceback" not in outcome.notes


def test_a_usage_error_is_one_line_with_the_way_to_help(trommel: Call) -> None:
    assert "trommel recommend --help" in trommel("recommend").error_line


def test_a_port_base_that_is_no_number_is_wrong_usage(trommel: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROMMEL_PORT_BASE", "many")
    assert trommel("items", "list").code == 2


def test_status_without_a_stack_fails_and_its_json_is_json(trommel: Call) -> None:
    outcome = trommel("status", "--json")
    assert outcome.code == 1
    assert {process["state"] for process in json.loads(outcome.output)["processes"]} == {"stopped"}
    assert "trommel up" in outcome.error_line


def test_down_without_a_stack_is_no_failure(trommel: Call) -> None:
    outcome = trommel("down", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.output)["stopped_processes"] == 0


def test_the_terms_of_use_are_shown(trommel: Call) -> None:
    outcome = trommel("data", "fetch", "movielens-100k", "--terms", "--json")
    assert outcome.code == 0
    assert "redistribute" in json.loads(outcome.output)["terms"]


def test_a_dry_run_reports_and_sends_nothing(trommel: Call, tmp_path: Path) -> None:
    path = tmp_path / "u.data"
    path.write_text("1\t2\t3\t4\nrubbish\n1\t3\tNaN\t5\n")
    outcome = trommel("data", "import", str(path), "--format", "movielens", "--dry-run", "--json")
    assert outcome.code == 0
    report = json.loads(outcome.output)["preflight"]["events"]
    assert (report["read"], report["accepted"], report["rejected"]) == (3, 1, 2)
    assert {reason["first_lines"][0] for reason in report["reasons"]} == {2, 3}
    shown = trommel("data", "import", str(path), "--format", "movielens", "--dry-run")
    assert "rating is not a finite number" in shown.notes


@pytest.mark.parametrize("content", ["", "rubbish\nmore\n"])
def test_a_file_with_nothing_in_it_fails_in_one_line(trommel: Call, tmp_path: Path, content: str) -> None:
    path = tmp_path / "u.data"
    path.write_text(content)
    outcome = trommel("data", "import", str(path), "--format", "movielens")
    assert outcome.code == 1
    assert str(path) in outcome.error_line


def test_a_file_with_only_bad_rows_fails_and_says_why(trommel: Call, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"user_id": "u", "item_id": "i"}\n')
    outcome = trommel("data", "import", str(path), "--format", "jsonl")
    assert outcome.code == 1
    assert "line 1: time is missing" in outcome.error_line


def test_a_failure_nobody_foresaw_is_one_line_too(trommel: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(work: Coroutine[Any, Any, Any]) -> None:
        work.close()
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("services.cli.connection.run", broken)
    outcome = trommel("items", "list")
    assert outcome.code == 1
    assert "ZeroDivisionError: by zero (set TROMMEL_DEBUG=1 to see where)" in outcome.error_line


def test_ctrl_c_is_one_line_and_exit_code_130(trommel: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(work: Coroutine[Any, Any, Any]) -> None:
        work.close()
        raise KeyboardInterrupt

    monkeypatch.setattr("services.cli.connection.run", interrupted)
    outcome = trommel("items", "list")
    assert outcome.code == 130
    assert outcome.error_line == "error: interrupted"


def test_help_is_quick_because_heavy_libraries_stay_away() -> None:
    heavy = {"grpc", "jinja2", "matplotlib", "numpy", "torch", "pyarrow", "trommel"}
    code = f"import sys, services.cli.app; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_reader_that_goes_away_is_no_stack_trace() -> None:
    code = """
import sys
from services.cli import console
from services.cli.app import app, run

@app.command()
def flood():
    while True:
        console.print_json(["x" * 1000] * 1000)

sys.exit(run(["flood"]))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_real_ctrl_c_leaves_no_stack_trace(tmp_path: Path) -> None:
    rows = tmp_path / "many.jsonl"
    with rows.open("w") as file:
        for number in range(300_000):
            file.write(f'{{"user_id": "u{number % 1000}", "item_id": "i", "time": {number}}}\n')
    command = [sys.executable, "-m", "services.cli.app", "data", "import", str(rows), "--format", "jsonl", "--dry-run"]
    environment = os.environ | {"TROMMEL_DATA_DIR": str(tmp_path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        output, notes = process.communicate(timeout=30)
    assert process.returncode == 130, notes
    assert notes.splitlines()[-1] == "error: interrupted"
    assert "Traceback" not in notes + output


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["evaluate", "--served", "--json"], ["evaluate", "--served", "--json", "-"]),
        (["evaluate", "--json", "--served"], ["evaluate", "--json", "-", "--served"]),
        (["evaluate", "--json", "out.json", "x"], ["evaluate", "--json", "out.json", "x"]),
        (["evaluate", "--json", "-h"], ["evaluate", "--json", "-", "-h"]),
        (["evaluate", "--json", "-"], ["evaluate", "--json", "-"]),
        (["evaluate", "--json=out.json"], ["evaluate", "--json=out.json"]),
        (["recommend", "--json"], ["recommend", "--json"]),
    ],
)
def test_json_of_an_evaluation_goes_to_a_file_or_to_standard_output(given: list[str], meant: list[str]) -> None:
    from services.cli.app import _with_json_target

    assert _with_json_target(given) == meant
