"""Protobuf to domain and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import cast

from trommel.feedback.v1 import feedback_pb2

from services.core.errors import FieldViolation, InvalidRequestError
from services.core.query import DEFAULT_SCENARIO
from services.feedback.event import WHOLE_EVENT, Event, EventType, Outcome, Rejection, Status
from services.feedback.event_store import UserRecord
from services.feedback.slate import Slate
from services.plumbing.validation import one_line, violations_of

MAX_BATCH = 1000
_MAX_ID_BYTES = 128
_NANOS = 1_000_000_000
_YEAR_2100_SECONDS = 4_102_444_800
_STATUSES = {
    Status.RECORDED: feedback_pb2.EventResult.STATUS_RECORDED,
    Status.DUPLICATE: feedback_pb2.EventResult.STATUS_DUPLICATE,
    Status.REJECTED: feedback_pb2.EventResult.STATUS_REJECTED,
}
_TYPE_NAMES = {int(kind): kind.name.lower() for kind in EventType}


def check_batch(request: feedback_pb2.RecordEventsRequest) -> None:
    """Raise InvalidRequestError unless the batch holds 1 to MAX_BATCH events."""
    count = len(request.events)
    if not 1 <= count <= MAX_BATCH:
        described = f"must hold 1 to {MAX_BATCH} events, not {count}"
        raise InvalidRequestError(f"events: {described}", (FieldViolation("events", described),))


def judged_from_proto(event: feedback_pb2.Event, received_microseconds: int) -> Event | Rejection:
    """Return the event if it is valid, else the rejection that says what is wrong with it.

    Args:
        event: As it came.
        received_microseconds: Time of an event that brings none, since 1970-01-01 UTC.
    """
    violations = violations_of(event)
    if not violations and not 0 <= event.time.nanos < _NANOS:
        violations = (FieldViolation("time", "nanos must be 0 to 999999999"),)
    if violations:
        return Rejection(
            _cut(event.event_id),
            _TYPE_NAMES.get(event.type, "unknown"),
            one_line(violations),
            _field_of(violations[0]),
        )
    time = event.time
    dwell = event.dwell_time
    return Event(
        event.event_id,
        event.user_id,
        event.item_id,
        event.scenario or DEFAULT_SCENARIO,
        event.type,
        time.seconds * 1_000_000 + time.nanos // 1000 if event.HasField("time") else received_microseconds,
        dwell.seconds + dwell.nanos / _NANOS if event.HasField("dwell_time") else None,
        event.value if event.HasField("value") else None,
        event.request_id,
    )


def _field_of(violation: FieldViolation) -> str:
    """Return the event's own field that a violation is about: a word of a closed set."""
    name = violation.field.partition(".")[0]
    return name if name in feedback_pb2.Event.DESCRIPTOR.fields_by_name else WHOLE_EVENT


def outcome_to_proto(outcome: Outcome) -> feedback_pb2.EventResult:
    """Return the wire form of an outcome."""
    return feedback_pb2.EventResult(event_id=outcome.event_id, status=_STATUSES[outcome.status], reason=outcome.reason)


def check_history_request(request: feedback_pb2.GetHistoryRequest) -> None:
    """Raise InvalidRequestError for a scenario that no event can have."""
    if "\0" in request.scenario:
        violation = FieldViolation("scenario", "must not hold a NUL character")
        raise InvalidRequestError(one_line((violation,)), (violation,))


def history_to_proto(record: UserRecord) -> feedback_pb2.GetHistoryResponse:
    """Return the wire form of what is known of a user."""
    return feedback_pb2.GetHistoryResponse(
        events=map(_event_to_proto, record.events),
        seen_item_ids=record.seen_item_ids,
        hidden_item_ids=record.hidden_item_ids,
    )


def _event_to_proto(event: Event) -> feedback_pb2.Event:
    message = feedback_pb2.Event(
        event_id=event.event_id,
        user_id=event.user_id,
        item_id=event.item_id,
        scenario=event.scenario,
        type=cast("feedback_pb2.EventType", event.type),
        value=event.value,
        request_id=event.request_id,
    )
    message.time.FromMicroseconds(event.time_microseconds)
    if event.dwell_seconds is not None:
        message.dwell_time.FromMicroseconds(round(event.dwell_seconds * 1_000_000))
    return message


def slates_from_proto(request: feedback_pb2.RecordSlatesRequest, received_microseconds: int) -> list[Slate]:
    """Return the slates of a request; raise InvalidRequestError for one whose columns do not fit together."""
    violations = [
        FieldViolation(f"slates[{position}].{field}", described)
        for position, slate in enumerate(request.slates)
        for field, described in _misfits(slate)
    ]
    if violations:
        raise InvalidRequestError(one_line(tuple(violations)), tuple(violations))
    return [_slate_from_proto(slate, received_microseconds) for slate in request.slates]


def _misfits(slate: feedback_pb2.SlateRecord) -> Iterable[tuple[str, str]]:
    items = len(slate.item_ids)
    if len(slate.scores) not in (0, items):
        yield "scores", f"must hold one score an item, {items}, not {len(slate.scores)}"
    cells = items * len(slate.feature_names)
    if len(slate.features) not in (0, cells):
        yield "features", f"must hold items x feature_names, {cells} values, not {len(slate.features)}"
    if not (0 <= slate.time.seconds < _YEAR_2100_SECONDS and 0 <= slate.time.nanos < _NANOS):
        yield "time", "must be between 1970 and 2100"


def _slate_from_proto(slate: feedback_pb2.SlateRecord, received_microseconds: int) -> Slate:
    time = slate.time
    return Slate(
        _storable(slate.request_id),
        _storable(slate.user_id),
        _storable(slate.scenario) or DEFAULT_SCENARIO,
        time.seconds * 1_000_000 + time.nanos // 1000 if slate.HasField("time") else received_microseconds,
        _storable(slate.bundle_version),
        _storable(slate.policy),
        json.dumps({_storable(key): _storable(value) for key, value in slate.context.items()}, ensure_ascii=False),
        [_storable(item_id) for item_id in slate.history_item_ids],
        [_storable(item_id) for item_id in slate.item_ids],
        list(slate.scores),
        [_storable(name) for name in slate.feature_names],
        list(slate.features),
        [_storable(reason) for reason in slate.degraded_reasons],
    )


def _storable(text: str) -> str:
    """Return the text without NUL, the one character of UTF-8 that PostgreSQL does not store."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _cut(event_id: str) -> str:
    return event_id.encode()[:_MAX_ID_BYTES].decode(errors="ignore")
