"""The formats that can be imported, and what to say when a file is of another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.cli.readers import amazon_reviews, json_lines, movielens, parquet, recbole, s3rec
from services.cli.readers.dataset_error import DatasetError, WrongFormatError
from services.cli.readers.records import Dataset, ReadOptions


@dataclass(frozen=True, slots=True)
class Format:
    """One format: how to see that a path is of it, and how to open the path."""

    looks_like: Callable[[Path], bool]
    open_dataset: Callable[[Path, ReadOptions], Dataset]


# In the order of guessing: what is unmistakable comes first, and what others also use (.json) last.
FORMATS: Mapping[str, Format] = {
    "parquet": Format(parquet.looks_like, parquet.open_dataset),
    "recbole": Format(recbole.looks_like, recbole.open_dataset),
    "movielens": Format(movielens.looks_like, movielens.open_dataset),
    "s3rec": Format(s3rec.looks_like, s3rec.open_dataset),
    "amazon-reviews": Format(amazon_reviews.looks_like, amazon_reviews.open_dataset),
    "jsonl": Format(json_lines.looks_like, json_lines.open_dataset),
}


def open_as(format_name: str, path: Path, options: ReadOptions) -> Dataset:
    """Open a path as a format.

    Raises:
        DatasetError: It cannot be read, or is of another format, which the message then guesses.
    """
    if not path.exists():
        raise DatasetError(f"there is no {path}")
    try:
        return FORMATS[format_name].open_dataset(path, options)
    except WrongFormatError as error:
        guess = guess_format(path)
        if guess is None or guess == format_name:
            raise
        raise WrongFormatError(f"{error}: it looks like {guess}, try --format {guess}") from None


def guess_format(path: Path) -> str | None:
    """Return the name of the format that a path looks like, or None."""
    for name, candidate in FORMATS.items():
        try:
            if candidate.looks_like(path):
                return name
        except (DatasetError, OSError):
            continue
    return None
