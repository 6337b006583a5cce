"""The preflight: a first reading of the whole data set that says what an import would do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trommel.feedback.v1 import feedback_pb2

from services.cli.cli_error import CliError
from services.cli.importing.messages import NumberedEvent, events_of, items_of
from services.cli.importing.tally import Tally
from services.cli.readers.records import BadRow, Dataset
from services.cli.times import iso_time

# Ids are remembered to count them and to find items that nothing describes: 100 to 200 bytes each.
MOST_IDS = 5_000_000
_REPORT_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A user's last event: when, its place among the rows (which decides ties), and its item."""

    time_microseconds: int
    ordinal: int
    item_id: str


@dataclass(slots=True)
class Preflight:
    """What was found. `unlisted` are items of events that the data set does not describe."""

    dataset: str
    items: Tally = field(default_factory=Tally)
    events: Tally = field(default_factory=Tally)
    users: set[str] = field(default_factory=set)
    event_items: set[str] = field(default_factory=set)
    unlisted: list[str] = field(default_factory=list)
    first_microseconds: int | None = None
    last_microseconds: int | None = None
    held_out: dict[str, HeldOut] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the report."""
        return {
            "dataset": self.dataset,
            "items": self.items.to_json(),
            "events": self.events.to_json(),
            "users": len(self.users),
            "items_with_events": len(self.event_items),
            "items_without_description": len(self.unlisted),
            "first_event": None if self.first_microseconds is None else iso_time(self.first_microseconds),
            "last_event": None if self.last_microseconds is None else iso_time(self.last_microseconds),
            "held_out": len(self.held_out),
        }


def check(dataset: Dataset, scenario: str, *, holdout: bool, report: Callable[[int], None]) -> Preflight:
    """Read a data set once.

    Args:
        dataset: The data set.
        scenario: Scenario of rows that name none.
        holdout: Whether each user's last event is kept back: by time, then by the order of the rows.
        report: Told the number of rows read, now and then.

    Raises:
        CliError: There are more users or items than are counted in memory.
    """
    found = Preflight(dataset.name)
    listed: set[str] = set()
    for item in items_of(dataset, scenario):
        if isinstance(item, BadRow):
            found.items.reject(item.reason, item.line)
        else:
            found.items.accepted += 1
            listed.add(item.id)
        if found.items.read % _REPORT_ROWS == 0:
            _bounded(listed)
            report(found.items.read)
    for event in events_of(dataset, scenario):
        if isinstance(event, BadRow):
            found.events.reject(event.reason, event.line)
        else:
            _count(found, event, holdout=holdout)
        if found.events.read % _REPORT_ROWS == 0:
            _bounded(found.users)
            _bounded(found.event_items)
            report(found.items.read + found.events.read)
    found.unlisted = sorted(found.event_items - listed)
    report(found.items.read + found.events.read)
    return found


def _count(found: Preflight, event: NumberedEvent, *, holdout: bool) -> None:
    message = event.message
    time = message.time.ToMicroseconds()
    found.events.accepted += 1
    found.users.add(message.user_id)
    found.event_items.add(message.item_id)
    found.first_microseconds = time if found.first_microseconds is None else min(found.first_microseconds, time)
    found.last_microseconds = time if found.last_microseconds is None else max(found.last_microseconds, time)
    if holdout and message.type != feedback_pb2.EVENT_TYPE_IMPRESSION:
        before = found.held_out.get(message.user_id)
        if before is None or time >= before.time_microseconds:
            found.held_out[message.user_id] = HeldOut(time, event.ordinal, message.item_id)


def _bounded(ids: set[str]) -> None:
    if len(ids) > MOST_IDS:
        raise CliError(f"more than {MOST_IDS:,} users or items: split the file and import the parts one by one")
