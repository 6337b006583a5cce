"""MovieLens: `u.data` (100K), `ratings.dat` (1M, 10M) and `ratings.csv` (20M and later), with the films beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.cli.data_directory import dataset_name
from services.cli.readers.dataset_error import WrongFormatError
from services.cli.readers.movielens_films import films_reader
from services.cli.readers.numbers import BadValueError, finite, text_of, time_of
from services.cli.readers.records import BadRow, Dataset, EventRecord, ReadOptions, no_items, no_users
from services.cli.readers.text_lines import Line, sample, text_lines
from services.cli.readers.users_table import users_in


@dataclass(frozen=True, slots=True)
class _Edition:
    """One way in which ratings are written down; all have the columns user, item, rating, seconds."""

    file_name: str
    separator: str
    header: str = ""


_EDITIONS = (
    _Edition("u.data", "\t"),
    _Edition("ratings.dat", "::"),
    _Edition("ratings.csv", ",", "userId,movieId,rating,timestamp"),
)


def looks_like(path: Path) -> bool:
    """Whether a path holds MovieLens ratings."""
    return _find(path) is not None


def open_dataset(path: Path, options: ReadOptions) -> Dataset:
    """Open a directory of MovieLens, or its ratings file.

    Raises:
        WrongFormatError: There are no such ratings.
    """
    del options
    found = _find(path)
    if found is None:
        names = ", ".join(edition.file_name for edition in _EDITIONS)
        raise WrongFormatError(f"{path} has no MovieLens ratings ({names})")
    ratings, edition = found
    films = films_reader(ratings.parent)
    users = ratings.parent / "users.tsv"
    return Dataset(
        dataset_name(ratings.resolve().parent.name),
        films or no_items,
        partial(_ratings, ratings, edition),
        partial(users_in, users) if users.is_file() else no_users,
    )


def _find(path: Path) -> tuple[Path, _Edition] | None:
    candidates = [path / edition.file_name for edition in _EDITIONS] if path.is_dir() else [path]
    for candidate in candidates:
        if candidate.is_file():
            lines = sample(candidate)
            for edition in _EDITIONS:
                if _fits(lines, edition):
                    return candidate, edition
    return None


def _fits(lines: list[str], edition: _Edition) -> bool:
    if edition.header:
        return bool(lines) and lines[0].strip() == edition.header
    # One dirty line at the top must not disown a whole file.
    return any(len(parts := text.split(edition.separator)) == 4 and _is_number(parts[3]) for text in lines)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ratings(path: Path, edition: _Edition) -> Iterator[EventRecord | BadRow]:
    lines = text_lines(path)
    for line in lines:
        if not isinstance(line, Line):
            yield line
        elif line.number == 1 and edition.header:
            continue
        else:
            yield _rating(line, edition.separator)


def _rating(line: Line, separator: str) -> EventRecord | BadRow:
    parts = line.text.split(separator)
    if len(parts) != 4:
        return BadRow(line.number, f"expected 4 columns, found {len(parts) if len(parts) < 4 else 'more'}")
    try:
        return EventRecord(
            line.number,
            user_id=text_of(parts[0], "user"),
            item_id=text_of(parts[1], "item"),
            kind="rating",
            value=finite(parts[2], "rating"),
            time_microseconds=time_of(parts[3], "timestamp"),
        )
    except BadValueError as error:
        return BadRow(line.number, str(error))
