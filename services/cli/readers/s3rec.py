"""S3-Rec sequences: `user item item …` a line, in time order but without times; attributes of items beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from services.cli.data_directory import dataset_name
from services.cli.readers.dataset_error import DatasetError, WrongFormatError
from services.cli.readers.records import BadRow, Dataset, EventRecord, ItemRecord, ReadOptions, no_items
from services.cli.readers.text_lines import Line, sample, text_lines

# A line holds all of a user, so it may be long.
_LONGEST_LINE_BYTES = 16 << 20
_LARGEST_ATTRIBUTES_BYTES = 256 << 20
# The format has no times: a user's events are one second apart from here on, which keeps their order and makes
# no event matter more than another by its age.
_FIRST_TIME_MICROSECONDS = 1_388_534_400 * 1_000_000
_STEP_MICROSECONDS = 1_000_000


def looks_like(path: Path) -> bool:
    """Whether a path is a file of sequences, or a directory with sequences.txt."""
    found = _sequences(path)
    return found is not None and _fits(sample(found))


def open_dataset(path: Path, options: ReadOptions) -> Dataset:
    """Open sequences.txt of a directory, or a file of sequences; item_attributes.json beside it is read too.

    Raises:
        WrongFormatError: There are no sequences.
    """
    sequences = _sequences(path)
    if sequences is None or not _fits(sample(sequences)):
        raise WrongFormatError(f"{path} holds no sequences (`user item item …` a line)")
    attributes = sequences.with_name("item_attributes.json")
    items = partial(_items, attributes) if attributes.is_file() else no_items
    name = sequences.resolve().parent.name if path.is_dir() or sequences.stem == "sequences" else sequences.stem
    return Dataset(dataset_name(name), items, partial(_events, sequences, options.kind))


def _sequences(path: Path) -> Path | None:
    found = path / "sequences.txt" if path.is_dir() else path
    return found if found.is_file() else None


def _fits(lines: list[str]) -> bool:
    # Some dirty lines at the top must not disown a whole file.
    good = [len(text.split()) >= 2 and text.replace(" ", "").isdecimal() for text in lines]
    return bool(good) and sum(good) * 2 >= len(good)


def _events(path: Path, kind: str) -> Iterator[EventRecord | BadRow]:
    for line in text_lines(path, longest_bytes=_LONGEST_LINE_BYTES):
        if not isinstance(line, Line):
            yield line
            continue
        user, *items = line.text.split()
        if not items:
            yield BadRow(line.number, "a user without items")
            continue
        for place, item in enumerate(items):
            time = _FIRST_TIME_MICROSECONDS + place * _STEP_MICROSECONDS
            yield EventRecord(line.number, user_id=user, item_id=item, kind=kind, time_microseconds=time)


def _items(path: Path) -> Iterator[ItemRecord | BadRow]:
    if path.stat().st_size > _LARGEST_ATTRIBUTES_BYTES:
        raise DatasetError(f"{path} is larger than {_LARGEST_ATTRIBUTES_BYTES >> 20} MiB")
    try:
        attributes = json.loads(path.read_text("utf-8"))
    except ValueError:
        attributes = None
    if not isinstance(attributes, dict):
        raise DatasetError(f"{path} is not a JSON object of item ids with lists of attributes")
    for number, (item_id, values) in enumerate(attributes.items(), 1):
        if isinstance(values, list):
            yield ItemRecord(number, item_id=item_id, categories=tuple(dict.fromkeys(map(str, values))))
        else:
            yield BadRow(number, "attributes are not a list")
