"""RecBole atomic files: tab-separated `.inter` and `.item` with typed headers such as `user_id:token`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from services.cli.data_directory import dataset_name
from services.cli.readers.columns import Columns
from services.cli.readers.dataset_error import DatasetError, WrongFormatError
from services.cli.readers.numbers import BadValueError, finite, text_of, time_of
from services.cli.readers.records import BadRow, Dataset, EventRecord, ItemRecord, ReadOptions, no_items, no_users
from services.cli.readers.text_lines import Line, sample, text_lines
from services.cli.readers.users_table import users_in

_TYPES = {"token", "token_seq", "float", "float_seq"}
_UNKNOWN = {"", "unknown", "unkonwn"}


def looks_like(path: Path) -> bool:
    """Whether a path is an .inter file, or a directory with one."""
    found = _interactions(path)
    return found is not None and bool(lines := sample(found)) and bool(_header(lines[0]))


def open_dataset(path: Path, options: ReadOptions) -> Dataset:
    """Open a directory with one .inter file, or that file; the .item file beside it is read too.

    Raises:
        DatasetError: A column that is needed is missing.
        WrongFormatError: There is no .inter file, or it has no typed header.
    """
    interactions = _interactions(path)
    if interactions is None:
        raise WrongFormatError(f"{path} is no .inter file and holds none")
    names = _names(interactions)
    columns = Columns(names, options.columns)
    for role in ("user", "item", "time"):
        columns.need(role, interactions.name)
    items = interactions.with_suffix(".item")
    read_items: Callable[[], Iterator[ItemRecord | BadRow]] = no_items
    if items.is_file():
        item_names = _names(items)
        read_items = partial(_items, items, item_names, Columns(item_names, options.columns))
    read_events = partial(_events, interactions, names, columns, options.kind)
    users = interactions.with_suffix(".user")
    read_users = partial(users_in, users) if users.is_file() else no_users
    return Dataset(dataset_name(interactions.stem), read_items, read_events, read_users)


def _interactions(path: Path) -> Path | None:
    if not path.is_dir():
        return path if path.is_file() else None
    return next(iter(sorted(path.glob("*.inter"))), None)


def _header(text: str) -> list[tuple[str, str]]:
    fields = [field.rpartition(":") for field in text.strip().split("\t")]
    return [(name, kind) for name, _, kind in fields] if all(kind in _TYPES for _, _, kind in fields) else []


def _names(path: Path) -> list[str]:
    lines = sample(path)
    header = _header(lines[0]) if lines else []
    if not header:
        raise WrongFormatError(f"{path} does not begin with a typed header such as user_id:token")
    return [name for name, _ in header]


def _rows(path: Path, names: list[str]) -> Iterator[tuple[int, dict[str, str]] | BadRow]:
    first = True
    for line in text_lines(path):
        if not isinstance(line, Line):
            yield line
        elif first:
            first = False
        else:
            parts = line.text.split("\t")
            if len(parts) != len(names):
                yield BadRow(line.number, f"expected {len(names)} columns, found another number")
            else:
                yield line.number, dict(zip(names, parts, strict=True))


def _events(path: Path, names: list[str], columns: Columns, kind: str) -> Iterator[EventRecord | BadRow]:
    user, item, time = (columns.need(role, path.name) for role in ("user", "item", "time"))
    value = columns.get("value")
    for row in _rows(path, names):
        if isinstance(row, BadRow):
            yield row
            continue
        line, fields = row
        try:
            yield EventRecord(
                line,
                user_id=text_of(fields[user], user),
                item_id=text_of(fields[item], item),
                kind="rating" if value else kind,
                time_microseconds=time_of(fields[time], time),
                value=finite(fields[value], value) if value else None,
            )
        except BadValueError as error:
            yield BadRow(line, str(error))


def _items(path: Path, names: list[str], columns: Columns) -> Iterator[ItemRecord | BadRow]:
    item = columns.get("item")
    if item is None:
        raise DatasetError(f"{path.name} has no item column: name it with --item-column")
    title, text, categories = (columns.get(role) for role in ("title", "text", "categories"))
    year = next((name for name in ("release_year", "year") if name in names), None)
    for row in _rows(path, names):
        if isinstance(row, BadRow):
            yield row
            continue
        line, fields = row
        if not fields[item]:
            yield BadRow(line, f"{item} is missing")
            continue
        name = _known(fields[title]) if title else ""
        when = _known(fields[year]) if year else ""
        yield ItemRecord(
            line,
            item_id=fields[item],
            title=f"{name} ({when})" if name and when else name,
            text=fields[text] if text else "",
            categories=tuple(dict.fromkeys(c for c in fields[categories].split() if _known(c))) if categories else (),
            attributes={other: fields[other] for other in columns.others() if _known(fields[other])},
        )


def _known(text: str) -> str:
    # The second spelling is how the MovieLens file of RecBole writes it.
    return "" if text.strip() in _UNKNOWN else text.strip()
