"""Further facts of items, from a file of their own: JSON lines, or what was collected of MovieLens' films."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from services.cli.cli_error import CliError
from services.cli.readers.film_facts import read_film_facts
from services.cli.readers.records import BadRow, Dataset, ItemRecord

_SAID = {"text", "categories", "attributes"}
_WANTED = '{"item_id": …, "text": …}, and "categories": […] and "attributes": {…} where there are any'


def read_descriptions(path: Path, items: Mapping[str, ItemRecord]) -> dict[str, ItemRecord]:
    """Return the items that the file describes, by id, with what it says of them.

    JSON lines have "item_id" and any of "text", in place of the item's own, "categories" and "attributes", added to its
    own. A ``.dat`` file has films: see `read_film_facts`.

    Raises:
        CliError: The file cannot be read, or tells of none of the items.
    """
    reader = read_film_facts if path.suffix == ".dat" else _json_lines
    try:
        found = {item.item_id: item for item in reader(path, items)}
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{path} cannot be read: {error}") from None
    if not found:
        raise CliError(f"{path} describes none of the data set's items")
    return found


def _json_lines(path: Path, items: Mapping[str, ItemRecord]) -> Iterator[ItemRecord]:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                item_id, text = str(row["item_id"]), str(row.get("text") or "")
                categories, attributes = row.get("categories") or [], row.get("attributes") or {}
                usable = isinstance(categories, list) and isinstance(attributes, dict) and row.keys() & _SAID
            except (ValueError, KeyError, TypeError, AttributeError):
                usable = False
            if not usable:
                raise CliError(f"{path}, line {number}: want {_WANTED}")
            if item_id in items and (text or categories or attributes):
                item = items[item_id]
                yield replace(
                    item,
                    text=text or item.text,
                    categories=tuple(dict.fromkeys([*item.categories, *map(str, categories)])),
                    attributes={**item.attributes, **attributes},
                )


def described(dataset: Dataset, path: Path) -> Dataset:
    """Return the data set with what the file says of its items. Raises CliError."""
    items = {record.item_id: record for record in dataset.items() if isinstance(record, ItemRecord)}
    found = read_descriptions(path, items)

    def with_descriptions() -> Iterator[ItemRecord | BadRow]:
        for record in dataset.items():
            yield found.get(record.item_id, record) if isinstance(record, ItemRecord) else record

    return replace(dataset, items=with_descriptions)
