"""Events in words of the domain."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple


class EventType(IntEnum):
    """What a user did with an item; the numbers are those of the contract and of the database."""

    IMPRESSION = 1
    CLICK = 2
    VIEW = 3
    LIKE = 4
    DISLIKE = 5
    RATING = 6
    PURCHASE = 7
    HIDE = 8


INTERACTIONS = frozenset((EventType.CLICK, EventType.VIEW, EventType.LIKE, EventType.RATING, EventType.PURCHASE))
"""What makes an item seen, and enters the history that models read."""
HIDINGS = frozenset((EventType.DISLIKE, EventType.HIDE))
"""What keeps an item from being shown again."""


WHOLE_EVENT = "event"
"""Stands for a field where several of them together break a rule."""


class Event(NamedTuple):
    """A valid event. The fields are in the order in which the database's columns are filled.

    Attributes:
        time_microseconds: Since 1970-01-01 UTC.
        dwell_seconds: How long a view lasted.
        value: Of a rating.
        request_id: Of the slate it answers; may be empty.
    """

    event_id: str
    user_id: str
    item_id: str
    scenario: str
    type: int
    time_microseconds: int
    dwell_seconds: float | None
    value: float | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that will never be recorded, why in one line, and the first field that breaks a rule."""

    event_id: str
    type_name: str
    reason: str
    field: str = WHOLE_EVENT


class Status(Enum):
    """What became of an event; the values are labels of the metrics."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class Outcome(NamedTuple):
    """What became of one event."""

    event_id: str
    status: Status
    reason: str = ""
