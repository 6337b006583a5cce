"""Records of files as messages of the contracts, judged by the contracts' own rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from trommel.catalog.v1 import catalog_pb2
from trommel.feedback.v1 import feedback_pb2

from services.cli.readers.records import BadRow, Dataset, EventRecord, ItemRecord
from services.plumbing.validation import one_line, violations_of


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event and its place among the rows of the data set, from 0: the same in every reading."""

    ordinal: int
    line: int
    message: feedback_pb2.Event


def items_of(dataset: Dataset, scenario: str) -> Iterator[catalog_pb2.Item | BadRow]:
    """Yield the items of a data set; those that break a rule of the contract as bad rows."""
    for record in dataset.items():
        yield record if isinstance(record, BadRow) else _judged_item(record, scenario)


def events_of(dataset: Dataset, scenario: str) -> Iterator[NumberedEvent | BadRow]:
    """Yield the events of a data set; those that break a rule of the contract as bad rows."""
    for ordinal, record in enumerate(dataset.events()):
        if isinstance(record, BadRow):
            yield record
            continue
        message = _judged_event(dataset.name, record, scenario)
        yield message if isinstance(message, BadRow) else NumberedEvent(ordinal, record.line, message)


def event_id(dataset: str, record: EventRecord) -> str:
    """Return the event's id: the file's own, else one that the same row of the same data set always gets.

    With it an import can be done again, or go on after it was interrupted, and every row counts once.
    """
    if record.event_id:
        return record.event_id
    row = (dataset, record.user_id, record.item_id, record.time_microseconds, record.line)
    return hashlib.blake2b("\x1f".join(map(str, row)).encode(), digest_size=16).hexdigest()


def _judged_item(record: ItemRecord, scenario: str) -> catalog_pb2.Item | BadRow:
    try:
        item = catalog_pb2.Item(
            id=record.item_id,
            scenario=record.scenario or scenario,
            title=record.title,
            text=record.text,
            categories=record.categories,
        )
        if record.attributes:
            item.attributes.update(record.attributes)
        if record.available_from_microseconds is not None:
            item.available_from.FromMicroseconds(record.available_from_microseconds)
        if record.available_until_microseconds is not None:
            item.available_until.FromMicroseconds(record.available_until_microseconds)
    except (ValueError, OverflowError):
        return BadRow(record.line, "text or a time that cannot be sent")
    violations = violations_of(item)
    return BadRow(record.line, one_line(violations)) if violations else item


def _judged_event(dataset: str, record: EventRecord, scenario: str) -> feedback_pb2.Event | BadRow:
    try:
        event = feedback_pb2.Event(
            event_id=event_id(dataset, record),
            user_id=record.user_id,
            item_id=record.item_id,
            scenario=record.scenario or scenario,
            type=f"EVENT_TYPE_{record.kind.upper()}",
            request_id=record.request_id,
        )
        event.time.FromMicroseconds(record.time_microseconds)
        if record.value is not None:
            event.value = record.value
        if record.dwell_seconds is not None:
            event.dwell_time.FromMicroseconds(round(record.dwell_seconds * 1_000_000))
    except (ValueError, OverflowError):
        return BadRow(record.line, "text or a time that cannot be sent")
    violations = violations_of(event)
    return BadRow(record.line, one_line(violations)) if violations else event
