from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.cli.app import run


@dataclass(frozen=True)
class Outcome:
    """What a command line came to."""

    code: int
    output: str
    notes: str

    @property
    def error_line(self) -> str:
        """The one line that says what went wrong."""
        lines = [line for line in self.notes.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.notes
        return lines[0]


@pytest.fixture
def trommel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Runs command lines on an empty data directory, with nothing listening at the ports."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        base = min(probe.getsockname()[1], 65_000)
    monkeypatch.setenv("TROMMEL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TROMMEL_PORT_BASE", str(base))
    # Whoever runs tests in parallel names the width of a terminal; what is written here goes to a log.
    monkeypatch.delenv("COLUMNS", raising=False)
    for service in ("CANDIDATES", "RANKING", "FEEDBACK", "TRAINING"):
        monkeypatch.delenv(f"TROMMEL_{service}_URL", raising=False)

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call
