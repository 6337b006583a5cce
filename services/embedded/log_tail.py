"""The essence of a log's end: the one line that says why a process ended."""

from __future__ import annotations

import json
import re
from pathlib import Path

_READ_BYTES = 16 * 1024
_LONGEST = 240
_TELLING = re.compile(r"error|fatal|panic|exception|cannot|failed|denied|refused", re.IGNORECASE)


def size(path: Path) -> int:
    """The log's length in bytes, to read from there later; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def last_error_line(path: Path, *, from_byte: int = 0) -> str:
    """The last line that tells of an error, else the last line; "no output" where there is none.

    Args:
        path: the log.
        from_byte: where this run's output begins; older lines are not its own.
    """
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            start = from_byte if from_byte <= length else 0  # the log was rotated meanwhile
            file.seek(max(start, length - _READ_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return "no output"
    lines = [essence for line in text.splitlines() if (essence := _essence(line))]
    if not lines:
        return "no output"
    return next((line for line in reversed(lines) if _TELLING.search(line)), lines[-1])[:_LONGEST]


def _essence(line: str) -> str:
    """A JSON log line's message and the last line of its exception; any other line as it is."""
    line = line.strip()
    if line.startswith("{"):
        try:
            entry = json.loads(line)
        except ValueError:
            return line
        if isinstance(entry, dict):
            message = str(entry.get("message") or entry.get("msg") or "")
            trace = str(entry.get("exc_info") or "").strip().splitlines()
            return ": ".join(part for part in (message, trace[-1].strip() if trace else "") if part)
    return line
