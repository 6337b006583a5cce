"""The films beside MovieLens ratings: `items.tsv` (from `trommel data fetch`), `u.item`, `movies.dat`, `movies.csv`."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from services.cli.readers.records import BadRow, ItemRecord
from services.cli.readers.text_lines import Line, text_lines

GENRES_100K = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
"""Names of the 19 flags that end a line of u.item."""

NORMAL_HEADER = "item_id\ttitle\tyear\tgenres"
"""First line of items.tsv; genres are separated by |."""

_YEAR = re.compile(r"\s*\((\d{4})\)\s*$")
_NO_GENRE = {"unknown", "(no genres listed)"}

Parts = tuple[str, str, int | None, list[str]]
"""Id, title without the year, year, genres."""


def films_reader(directory: Path) -> Callable[[], Iterator[ItemRecord | BadRow]] | None:
    """Return a reader of the films in a directory, or None where there are none."""
    for name, parse in _PARSERS.items():
        if (directory / name).is_file():
            return partial(_films, directory / name, parse)
    return None


def split_title(text: str) -> tuple[str, int | None]:
    """Return title and year of "Toy Story (1995)"."""
    found = _YEAR.search(text)
    return (text[: found.start()].strip(), int(found[1])) if found else (text.strip(), None)


def parse_u_item(text: str) -> Parts | None:
    """Return the parts of a line of u.item, or None for another kind of line."""
    parts = text.split("|")
    if len(parts) != 5 + len(GENRES_100K):
        return None
    title, year = split_title(parts[1])
    return parts[0], title, year, [name for name, flag in zip(GENRES_100K, parts[5:], strict=True) if flag == "1"]


def _parse_normal(text: str) -> Parts | None:
    parts = text.split("\t")
    if len(parts) != 4:
        return None
    year = int(parts[2]) if parts[2].isdecimal() else None
    return parts[0], parts[1], year, parts[3].split("|") if parts[3] else []


def _parse_dat(text: str) -> Parts | None:
    parts = text.split("::")
    if len(parts) != 3:
        return None
    return parts[0], *split_title(parts[1]), parts[2].split("|")


def _parse_csv(text: str) -> Parts | None:
    parts = next(csv.reader([text]), [])
    if len(parts) != 3:
        return None
    return parts[0], *split_title(parts[1]), parts[2].split("|")


_PARSERS: dict[str, Callable[[str], Parts | None]] = {
    "items.tsv": _parse_normal,
    "u.item": parse_u_item,
    "movies.dat": _parse_dat,
    "movies.csv": _parse_csv,
}
_HEADERS = {NORMAL_HEADER, "movieId,title,genres"}


def _films(path: Path, parse: Callable[[str], Parts | None]) -> Iterator[ItemRecord | BadRow]:
    # The older editions are Latin-1; UTF-8 is tried first, line by line.
    for line in text_lines(path, fallback_encoding="latin-1"):
        if not isinstance(line, Line):
            yield line
            continue
        if line.number == 1 and line.text.strip() in _HEADERS:
            continue
        parts = parse(line.text)
        if parts is None or not parts[0]:
            yield BadRow(line.number, f"not a line of {path.name}")
            continue
        item_id, title, year, genres = parts
        yield ItemRecord(
            line.number,
            item_id=item_id,
            title=f"{title} ({year})" if year else title,
            categories=tuple(dict.fromkeys(genre for genre in genres if genre and genre not in _NO_GENRE)),
            attributes={"year": year} if year else {},
        )
