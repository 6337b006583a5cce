"""Rows that are mappings (JSON lines, parquet) as items and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cli.event_kind import EventKind
from services.cli.readers.columns import Columns
from services.cli.readers.numbers import BadValueError, finite, text_of, time_of
from services.cli.readers.records import BadRow, EventRecord, ItemRecord

_KINDS = frozenset(EventKind)


def event_of(line: int, row: Mapping[str, Any], columns: Columns, default_kind: str) -> EventRecord | BadRow:
    """Return a row as an event. A value without a type is a rating."""
    user, item, time = columns.get("user") or "user_id", columns.get("item") or "item_id", columns.get("time") or "time"
    try:
        value = _optional(row, columns.get("value"))
        kind = _optional(row, columns.get("type")) or ("rating" if value is not None else default_kind)
        if kind not in _KINDS:
            raise BadValueError("type is not a type of event")
        if row.get(time) is None:
            raise BadValueError(f"{time} is missing")
        dwell = _optional(row, "dwell_seconds")
        return EventRecord(
            line,
            user_id=text_of(row.get(user), user),
            item_id=text_of(row.get(item), item),
            kind=kind,
            time_microseconds=time_of(row[time], time),
            value=None if value is None else finite(value, "value"),
            dwell_seconds=None if dwell is None else finite(dwell, "dwell_seconds"),
            scenario=str(row.get("scenario") or ""),
            request_id=str(row.get("request_id") or ""),
            event_id=str(row.get("event_id") or ""),
        )
    except BadValueError as error:
        return BadRow(line, str(error))


def item_of(line: int, row: Mapping[str, Any], columns: Columns) -> ItemRecord | BadRow:
    """Return a row as an item. Columns that hold nothing known become attributes."""
    item = columns.get("item") or ("item_id" if "item_id" in row else "id")
    attributes = row.get("attributes")
    own = {"id", "attributes", "scenario", "available_from", "available_until", item}
    try:
        return ItemRecord(
            line,
            item_id=text_of(row.get(item), item),
            title=_text(row, columns.get("title")),
            text=_text(row, columns.get("text")),
            categories=_categories(row, columns.get("categories")),
            attributes={
                **{name: row[name] for name in columns.others() if name not in own and _is_plain(row.get(name))},
                **(attributes if isinstance(attributes, dict) else {}),
            },
            available_from_microseconds=_time(row, "available_from"),
            available_until_microseconds=_time(row, "available_until"),
            scenario=str(row.get("scenario") or ""),
        )
    except BadValueError as error:
        return BadRow(line, str(error))


def _optional(row: Mapping[str, Any], name: str | None) -> Any:
    return None if name is None else row.get(name)


def _text(row: Mapping[str, Any], name: str | None) -> str:
    value = _optional(row, name)
    if value is None or isinstance(value, str):
        return value or ""
    raise BadValueError(f"{name} is not text")


def _categories(row: Mapping[str, Any], name: str | None) -> tuple[str, ...]:
    value = _optional(row, name)
    if value is None:
        return ()
    if isinstance(value, str):
        value = value.split("|")
    if not isinstance(value, list) or not all(isinstance(one, str | int) for one in value):
        raise BadValueError(f"{name} is not a list of names")
    return tuple(dict.fromkeys(str(one) for one in value if one != ""))


def _time(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    return None if value is None else time_of(value, name)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and value == value)
