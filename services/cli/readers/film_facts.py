"""What is known of films, joined to a data set's films by title and year: the file that was collected for MovieLens."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from services.cli.readers.records import ItemRecord

_COLUMNS = 11
_TITLE, _YEAR, _CERTIFICATE, _GENRES, _DIRECTORS, _WRITERS, _ACTORS, _PLOT = 1, 2, 3, 5, 6, 7, 8, 9
_UNKNOWN = "N/A"
_ATTRIBUTES = {"certificate": _CERTIFICATE, "director": _DIRECTORS, "writers": _WRITERS, "cast": _ACTORS}

_ARTICLES = "the|a|an|les|la|le|il|el|das|der|die"
_ARTICLE_BEHIND = re.compile(rf"^(.*), ({_ARTICLES})$")
_ARTICLE_IN_FRONT = re.compile(rf"^({_ARTICLES}) ")
_YEAR_IN_TITLE = re.compile(r"\((\d{4})\)\s*$", re.ASCII)
_YEAR_ALONE = re.compile(r"^\d{4}(\.0)?$", re.ASCII)
_IN_BRACKETS = re.compile(r"\((.*?)\)")
# What stands on either side may be a title of its own: "Léon: The Professional".
_PARTS = re.compile(r":| - ")
_YEARS_OFF = (0, -1, 1)
_LEAST_WORDS = 2


@dataclass(frozen=True, slots=True)
class _Film:
    title: str
    year: int
    columns: list[str]

    def told(self, item: ItemRecord) -> ItemRecord:
        """The item with what the file says of the film; genres beside the item's own, its attributes as they are."""
        said = [column.strip() if column.strip() != _UNKNOWN else "" for column in self.columns]
        genres = [genre for each in said[_GENRES].split(",") if (genre := each.strip())]
        attributes: dict[str, Any] = {name: said[column] for name, column in _ATTRIBUTES.items() if said[column]}
        return replace(
            item,
            text=said[_PLOT] or item.text,
            categories=tuple(dict.fromkeys([*item.categories, *genres])),
            attributes={**attributes, **item.attributes},
        )


def read_film_facts(path: Path, items: Mapping[str, ItemRecord]) -> Iterator[ItemRecord]:
    """Yield the items that the file tells of, with plot, genres, certificate, director, writers and cast.

    One film a line, ``::`` between the columns. An item is the film of the same title, without what is in brackets and
    wherever its article stands, whose year differs by one at most. Of what is left, it is the only film of a year that
    the title is a part of, or that is a part of the title ("Star Wars: Episode IV - A New Hope", "Monty Python's Life
    of Brian"). Items without a year, in the attributes or at the title's end, are left out. Raises OSError and
    UnicodeDecodeError.
    """
    films = _Films(path)
    years = {item_id: year for item_id, item in items.items() if (year := _year(item)) is not None}
    found = {item_id: film for item_id, year in years.items() if (film := films.titled(items[item_id].title, year))}
    taken = {id(film) for film in found.values()}
    for item_id, year in years.items():
        film = found.get(item_id) or films.in_part(items[item_id].title, year, taken)
        if film is not None:
            yield film.told(items[item_id])


class _Films:
    """The films of a file, by title and by year."""

    def __init__(self, path: Path) -> None:
        self._by_title: dict[tuple[str, int], _Film] = {}
        self._by_year: dict[int, list[_Film]] = defaultdict(list)
        with path.open(encoding="utf-8", newline="\n") as stream:
            for line in stream:
                columns = line.rstrip("\r\n").split("::")
                if len(columns) == _COLUMNS and columns[_YEAR][:4].isdecimal():
                    film = _Film(columns[_TITLE], int(columns[_YEAR][:4]), columns)
                    if bare := _bare(film.title):
                        self._by_title[bare, film.year] = film
                    self._by_year[film.year].append(film)

    def titled(self, title: str, year: int) -> _Film | None:
        """The film of that title, of the year or of one beside it."""
        near = (self._by_title.get((_bare(title), year + off)) for off in _YEARS_OFF)
        return next((film for film in near if film is not None), None)

    def in_part(self, title: str, year: int, taken: set[int]) -> _Film | None:
        """The only film whose title is a part of this one or has it as a part, but for those that are taken."""
        names = _names(title)
        for off in _YEARS_OFF:
            alike = [film for film in self._by_year[year + off] if id(film) not in taken and _alike(names, film.title)]
            if alike:
                return alike[0] if len(alike) == 1 else None
        return None


def _year(item: ItemRecord) -> int | None:
    said = str(item.attributes.get("year", ""))
    if _YEAR_ALONE.match(said):
        return int(said[:4])
    at_end = _YEAR_IN_TITLE.search(item.title)
    return int(at_end.group(1)) if at_end else None


def _alike(names: set[str], title: str) -> bool:
    """Whether a name is one of the film's, or the words of one stand in the other; one word alone is not enough."""
    others = _names(title)
    if names & others:
        return True
    pairs = ((one, other) for name in names for whole in others for one, other in ((name, whole), (whole, name)))
    return any(len(one.split()) >= _LEAST_WORDS and f" {one} " in f" {other} " for one, other in pairs)


def _names(title: str) -> set[str]:
    """What a film may be called: the title, what is in its brackets, and the parts of both."""
    title = _YEAR_IN_TITLE.sub("", title)
    whole = [_IN_BRACKETS.sub("", title), *_IN_BRACKETS.findall(title)]
    names = {_without_article(part) for each in whole for part in (each, *_PARTS.split(each))}
    return names - {""}


def _without_article(title: str) -> str:
    return _ARTICLE_IN_FRONT.sub("", _bare(title))


def _bare(title: str) -> str:
    """A title as both sides may write it: without what is in brackets, the article in front, letters and digits."""
    bare = _IN_BRACKETS.sub("", title.lower()).strip()
    moved = _ARTICLE_BEHIND.match(bare)
    if moved:
        bare = f"{moved.group(2)} {moved.group(1)}"
    return re.sub(r"[\W_]+", " ", bare.replace("&", " and ")).strip()
