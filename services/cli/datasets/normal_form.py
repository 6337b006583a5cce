"""The normal form of films and users: tab-separated, with a header, UTF-8."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from services.cli.readers.movielens_films import NORMAL_HEADER

Film = tuple[str, str, int | None, list[str]]
"""Id, title without the year, year, genres."""

_USERS_HEADER = "user_id\tage\tgender\toccupation\tzip_code"


def write_films(directory: Path, films: Iterable[Film]) -> None:
    """Write items.tsv."""
    rows = (f"{item}\t{title}\t{year or ''}\t{'|'.join(genres)}" for item, title, year, genres in films)
    _write(directory / "items.tsv", NORMAL_HEADER, rows)


def write_users(directory: Path, users: Iterable[Sequence[str]]) -> None:
    """Write users.tsv from rows of id, age, gender, occupation, zip code."""
    _write(directory / "users.tsv", _USERS_HEADER, ("\t".join(user) for user in users))


def _write(path: Path, header: str, rows: Iterable[str]) -> None:
    path.write_text("\n".join((header, *rows)) + "\n", "utf-8")
