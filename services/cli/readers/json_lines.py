"""JSON lines: one object a line; one with a user is an event, one without is an item."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from services.cli.data_directory import dataset_name
from services.cli.readers.columns import Columns
from services.cli.readers.dataset_error import WrongFormatError
from services.cli.readers.json_objects import json_objects, sample_objects
from services.cli.readers.mappings import event_of, item_of
from services.cli.readers.records import BadRow, Dataset, EventRecord, ItemRecord, ReadOptions

_SUFFIXES = ("*.jsonl", "*.ndjson", "*.json")


def looks_like(path: Path) -> bool:
    """Whether a path is a file of JSON objects, or a directory with such files."""
    return any(sample_objects(file) for file in _files(path)[:1])


def open_dataset(path: Path, options: ReadOptions) -> Dataset:
    """Open a file, or all .jsonl, .ndjson and .json files of a directory.

    Raises:
        WrongFormatError: There are none, or the first has no JSON object in its first lines.
    """
    files = _files(path)
    if not looks_like(path):
        raise WrongFormatError(f"{path} holds no JSON lines")
    name = path.resolve().name if path.is_dir() else path.stem
    return Dataset(dataset_name(name), partial(_items, files, options), partial(_events, files, options))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.is_file() else []
    return sorted(file for suffix in _SUFFIXES for file in path.glob(suffix))


def _rows(files: list[Path], options: ReadOptions) -> Iterator[tuple[int, dict[str, Any], Columns] | BadRow]:
    for file in files:
        columns, shape = Columns((), {}), None
        for found in json_objects(file):
            if isinstance(found, BadRow):
                yield found
                continue
            number, row = found
            # Objects of one file mostly have the same keys: match them once.
            if row.keys() != shape:
                columns, shape = Columns(list(row), options.columns), row.keys()
            yield number, row, columns


def _events(files: list[Path], options: ReadOptions) -> Iterator[EventRecord | BadRow]:
    for row in _rows(files, options):
        if isinstance(row, BadRow):
            yield row
        elif row[2].get("user") is not None:
            yield event_of(row[0], row[1], row[2], options.kind)


def _items(files: list[Path], options: ReadOptions) -> Iterator[ItemRecord | BadRow]:
    # A line that is no object is reported once, among the events.
    for row in _rows(files, options):
        if not isinstance(row, BadRow) and row[2].get("user") is None:
            yield item_of(*row)
