"""JSON objects of a file, one a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.cli.readers.records import BadRow
from services.cli.readers.text_lines import LONGEST_LINE_BYTES, Line, sample, text_lines


def json_objects(path: Path, longest_bytes: int = LONGEST_LINE_BYTES) -> Iterator[tuple[int, dict[str, Any]] | BadRow]:
    """Yield each line's number and object; a line that is none is a bad row. Raises DatasetError as text_lines does."""
    for line in text_lines(path, longest_bytes=longest_bytes):
        if not isinstance(line, Line):
            yield line
            continue
        row = _parsed(line.text)
        yield (line.number, row) if isinstance(row, dict) else BadRow(line.number, "not a JSON object")


def sample_objects(path: Path) -> list[dict[str, Any]]:
    """Return the objects among the first lines of a file, to see what it is. Raises DatasetError."""
    return [row for row in map(_parsed, sample(path)) if isinstance(row, dict)]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
