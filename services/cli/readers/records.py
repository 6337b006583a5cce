"""What readers yield: items, events, and rows that are neither, each with its line in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One item. Times are microseconds since 1970-01-01 UTC, None where there is no bound."""

    line: int
    item_id: str
    title: str = ""
    text: str = ""
    categories: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    available_from_microseconds: int | None = None
    available_until_microseconds: int | None = None
    scenario: str = ""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event. `kind` is a name such as "rating"; `event_id` is empty where the file has none.

    text: what the user wrote about the item, a review.
    """

    line: int
    user_id: str
    item_id: str
    kind: str
    time_microseconds: int
    value: float | None = None
    dwell_seconds: float | None = None
    scenario: str = ""
    request_id: str = ""
    event_id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class UserRecord:
    """Who a user is, by key: age, gender and the like."""

    user_id: str
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read. The reason names no values, so that rows with one fault are counted together."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader is told.

    Attributes:
        kind: Type of events where the file does not say it.
        columns: Names of columns by what they hold ("user", "item", "time", "value", "title", "categories", "text"),
            where they are not the usual ones.
    """

    kind: str = "click"
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that can be read as often as needed: each call starts again at the first row."""

    name: str
    items: Callable[[], Iterator[ItemRecord | BadRow]]
    events: Callable[[], Iterator[EventRecord | BadRow]]
    users: Callable[[], Iterator[UserRecord]] = field(default_factory=lambda: no_users)


def no_items() -> Iterator[ItemRecord | BadRow]:
    """Yield nothing: the items of a data set that describes none."""
    yield from ()


def no_users() -> Iterator[UserRecord]:
    """Yield nothing: the users of a data set that describes none."""
    yield from ()


def no_events() -> Iterator[EventRecord | BadRow]:
    """Yield nothing: the events of a data set that has none."""
    yield from ()
