"""The command line against a stack of its own, and what lies in its database."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.cli.app import run
from services.embedded import StackSettings
from tests.free_ports import free_port_base

SOURCE = Path(__file__).parents[4]


def environment(settings: StackSettings, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TROMMEL_")}
    paths = f"{SOURCE}{os.pathsep}{SOURCE / 'protos'}"
    own = {"TROMMEL_DATA_DIR": str(settings.root), "TROMMEL_PORT_BASE": str(settings.port_base), "PYTHONPATH": paths}
    return kept | own | more


def begin(settings: StackSettings, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "services.cli.app", *arguments],
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(settings: StackSettings, *arguments: str, **more: str) -> tuple[int, str, str]:
    """Run a command line in this process; return its exit code, output and notes."""
    output, notes = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(notes):
        for name in [name for name in os.environ if name.startswith("TROMMEL_")]:
            patch.delenv(name)
        for name, value in environment(settings, **more).items():
            patch.setenv(name, value)
        code = run(arguments)
    return code, output.getvalue(), notes.getvalue()


def trommel(settings: StackSettings, *arguments: str, **more: str) -> dict[str, Any]:
    """Run a command line that must do well; return its JSON."""
    code, output, notes = call(settings, *arguments, "--json", **more)
    assert code == 0, notes
    answer = json.loads(output)
    assert isinstance(answer, dict)
    return answer


def refusal(settings: StackSettings, *arguments: str) -> str:
    """Run a command line that must fail; return the one line that says why."""
    code, output, notes = call(settings, *arguments)
    assert code == 1, output + notes
    lines = [line for line in notes.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, notes
    assert "Traceback" not in notes
    return lines[0]


def database(settings: StackSettings) -> psycopg.Connection[tuple[object, ...]]:
    record = json.loads((settings.root / "stack.json").read_text())
    return psycopg.connect(record["environment"]["TROMMEL_DATABASE_URL"], autocommit=True, application_name="test")


def one(settings: StackSettings, statement: str) -> object:
    with database(settings) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def own_stack(root: Path) -> StackSettings:
    return StackSettings(data_dir=root, port_base=free_port_base(), database_url=None, redis_url=None, triton_url=None)
