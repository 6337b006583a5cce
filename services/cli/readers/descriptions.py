"""Further texts of items, from a file of their own: JSON lines, or the plots that were collected for MovieLens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from services.cli.cli_error import CliError
from services.cli.readers.records import BadRow, Dataset, ItemRecord

_PLOT_COLUMNS = 11
_TITLE, _YEAR, _PLOT = 1, 2, 9
_ARTICLE = re.compile(r"^(.*), (the|a|an|les|la|le|il|el|das|der|die)$")
_YEAR_IN_TITLE = re.compile(r"\((\d{4})\)\s*$")


def read_descriptions(path: Path, items: Mapping[str, ItemRecord]) -> dict[str, str]:
    """Return texts by item id.

    JSON lines have "item_id" and "text". A ``.dat`` file has films, ``::`` between the columns, title, year and plot
    among them; it is joined to the items by title and year, which may differ by one.

    Raises:
        CliError: The file cannot be read, or tells of none of the items.
    """
    try:
        found = dict(_plots(path, items) if path.suffix == ".dat" else _json_lines(path))
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{path} cannot be read: {error}") from None
    found = {item_id: text for item_id, text in found.items() if item_id in items and text}
    if not found:
        raise CliError(f"{path} describes none of the data set's items")
    return found


def _json_lines(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield str(row["item_id"]), str(row["text"])
            except (ValueError, KeyError, TypeError):
                raise CliError(f'{path}, line {number}: want {{"item_id": …, "text": …}}') from None


def _plots(path: Path, items: Mapping[str, ItemRecord]) -> Iterator[tuple[str, str]]:
    plots: dict[tuple[str, int], str] = {}
    with path.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            columns = line.rstrip("\r\n").split("::")
            if len(columns) == _PLOT_COLUMNS and columns[_YEAR][:4].isdecimal():
                plots[_title(columns[_TITLE]), int(columns[_YEAR][:4])] = columns[_PLOT]
    for item_id, item in items.items():
        year = item.attributes.get("year") or next(iter(_YEAR_IN_TITLE.findall(item.title)), None)
        if year is None:
            continue
        for near in (0, -1, 1):
            text = plots.get((_title(item.title), int(year) + near))
            if text:
                yield item_id, text
                break


def _title(text: str) -> str:
    """A title as both sides may write it: without what is in brackets, the article in front, letters and digits."""
    bare = re.sub(r"\(.*?\)", "", text.lower()).strip()
    moved = _ARTICLE.match(bare)
    if moved:
        bare = f"{moved.group(2)} {moved.group(1)}"
    return re.sub(r"[^a-z0-9]+", " ", bare).strip()


def described(dataset: Dataset, path: Path) -> Dataset:
    """Return the data set with further texts of its items. Raises CliError."""
    items = {record.item_id: record for record in dataset.items() if isinstance(record, ItemRecord)}
    texts = read_descriptions(path, items)

    def with_texts() -> Iterator[ItemRecord | BadRow]:
        for record in dataset.items():
            text = texts.get(record.item_id) if isinstance(record, ItemRecord) else None
            yield record if text is None or isinstance(record, BadRow) else replace(record, text=text)

    return replace(dataset, items=with_texts)
