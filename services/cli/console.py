"""Where output goes: data to standard output, notes and progress to standard error."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from rich.console import Console

# Of a log nobody knows the width; 100 columns are readable on paper and in a browser.
_LOG_COLUMNS = 100


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _LOG_COLUMNS
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def output() -> Console:
    """Return the console of the data that a person reads."""
    return _console(stderr=False)


def notes() -> Console:
    """Return the console of everything that is not data: progress, notes, errors."""
    return _console(stderr=True)


def note(text: str) -> None:
    """Write one plain line to standard error."""
    notes().print(text, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Write one JSON document to standard output, and nothing else."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    sys.stdout.flush()
