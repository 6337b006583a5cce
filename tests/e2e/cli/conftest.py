from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import RunningStack


@dataclass(frozen=True)
class Outcome:
    """What a command line came to."""

    code: int
    output: str
    notes: str

    @property
    def json(self) -> Any:
        """Standard output, which must hold one JSON document and nothing else."""
        return json.loads(self.output)

    @property
    def error_line(self) -> str:
        """The one line that says what went wrong."""
        lines = [line for line in self.notes.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.notes
        return lines[0]


@pytest.fixture
def command_environment(stack: RunningStack) -> dict[str, str]:
    """The environment in which commands find the stack by its data directory alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TROMMEL_")}
    return environment | {"TROMMEL_DATA_DIR": str(stack.settings.root)}


@pytest.fixture
def trommel(command_environment: dict[str, str]) -> Callable[..., Outcome]:
    """Runs `trommel` as a process of its own, as a person does."""

    def call(*arguments: str, stdin: str | None = None) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "services.cli.app", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=command_environment,
            timeout=240,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call
