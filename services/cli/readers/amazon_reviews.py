"""Amazon reviews: JSON lines, often in a .gz or .zip; one review, with its rating and its text, is one event.

Both shapes that are about: `reviewerID, asin, overall, summary, reviewText, unixReviewTime` (until 2018), and
`user_id, parent_asin, rating, title, text, timestamp` (2023; milliseconds).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from services.cli.data_directory import dataset_name
from services.cli.readers.dataset_error import WrongFormatError
from services.cli.readers.json_objects import json_objects, sample_objects
from services.cli.readers.numbers import BadValueError, finite, text_of
from services.cli.readers.records import BadRow, Dataset, EventRecord, ReadOptions, no_items

# Of files in a directory; a file that is named may be called anything.
_ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz", ".zip")
# The longest review with all that stands around it.
_LONGEST_LINE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class _Shape:
    """Names of the fields. per_second: how many units of the time a second has."""

    user: str
    item: str
    rating: str
    time: str
    per_second: int
    texts: tuple[str, str]

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is of this shape."""
        return {self.user, self.item, self.rating, self.time} <= row.keys()


_SHAPES = (
    _Shape("reviewerID", "asin", "overall", "unixReviewTime", 1, ("summary", "reviewText")),
    _Shape("user_id", "parent_asin", "rating", "timestamp", 1000, ("title", "text")),
)


def looks_like(path: Path) -> bool:
    """Whether a path is a file of reviews, or a directory with one."""
    return _shape(_reviews(path)) is not None


def open_dataset(path: Path, options: ReadOptions) -> Dataset:  # noqa: ARG001
    """Open a file of reviews, or the first of a directory. Its items have no texts of their own.

    Raises:
        WrongFormatError: There are no reviews.
    """
    reviews = _reviews(path)
    shape = _shape(reviews)
    if reviews is None or shape is None:
        raise WrongFormatError(f"{path} holds no Amazon reviews (JSON lines with reviewerID, asin, overall …)")
    name = path.resolve().name if path.is_dir() else path.name.split(".")[0]
    return Dataset(dataset_name(name), no_items, partial(_events, reviews, shape))


def _reviews(path: Path) -> Path | None:
    if not path.is_dir():
        return path if path.is_file() else None
    found = sorted(file for file in path.iterdir() if file.is_file() and file.name.endswith(_ENDINGS))
    return next((file for file in found if _shape(file) is not None), None)


def _shape(path: Path | None) -> _Shape | None:
    rows = [] if path is None else sample_objects(path)
    return next((shape for shape in _SHAPES for row in rows if shape.fits(row)), None)


def _events(path: Path, shape: _Shape) -> Iterator[EventRecord | BadRow]:
    for found in json_objects(path, _LONGEST_LINE_BYTES):
        if isinstance(found, BadRow):
            yield found
            continue
        try:
            yield _event(*found, shape)
        except BadValueError as error:
            yield BadRow(found[0], str(error))


def _event(number: int, row: Mapping[str, Any], shape: _Shape) -> EventRecord:
    time = finite(row.get(shape.time), shape.time)
    written = [row.get(name) for name in shape.texts]
    return EventRecord(
        number,
        user_id=text_of(row.get(shape.user), shape.user),
        item_id=text_of(row.get(shape.item), shape.item),
        kind="rating",
        time_microseconds=int(time) * 1_000_000 // shape.per_second,
        value=finite(row.get(shape.rating), shape.rating),
        text="\n".join(text.strip() for text in written if isinstance(text, str) and text.strip()),
    )
