from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trommel.feedback.v1 import feedback_pb2 as pb

from services.core.errors import InvalidRequestError
from services.feedback.converters import history_to_proto, judged_from_proto, slates_from_proto
from services.feedback.event import Event, Rejection
from services.feedback.event_store import UserRecord

NOW = 1_800_000_000_000_000
IDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=32)


def valid_event(**fields: object) -> pb.Event:
    return pb.Event(**{"event_id": "e", "user_id": "u", "item_id": "i", "type": 2, **fields})


def reason_of(event: pb.Event) -> str:
    judged = judged_from_proto(event, NOW)
    assert isinstance(judged, Rejection)
    assert "\n" not in judged.reason
    return judged.reason


@given(
    event_id=IDS,
    user_id=IDS,
    item_id=IDS,
    microseconds=st.integers(0, 4_102_444_799_999_999),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    dwell_milliseconds=st.none() | st.integers(0, 10**9),
)
def test_a_valid_event_comes_back_as_it_was(event_id, user_id, item_id, microseconds, value, dwell_milliseconds):
    message = valid_event(event_id=event_id, user_id=user_id, item_id=item_id, value=value, scenario="a/b")
    message.time.FromMicroseconds(microseconds)
    if dwell_milliseconds is not None:
        message.dwell_time.FromMilliseconds(dwell_milliseconds)
    judged = judged_from_proto(message, NOW)
    assert isinstance(judged, Event)
    assert judged.time_microseconds == microseconds
    assert list(history_to_proto(UserRecord([judged], [], [], [])).events) == [message]


def test_an_event_without_time_and_scenario_gets_both():
    judged = judged_from_proto(valid_event(), NOW)
    assert isinstance(judged, Event)
    assert (judged.time_microseconds, judged.scenario, judged.value, judged.dwell_seconds) == (
        NOW,
        "default",
        None,
        None,
    )


@pytest.mark.parametrize("nanos", [-1, 1_000_000_000])
def test_nanoseconds_beyond_a_second_are_refused(nanos):
    event = valid_event()
    event.time.seconds = 5
    event.time.nanos = nanos
    assert reason_of(event).startswith("time: ")


def test_a_rejection_names_type_and_id_within_bounds():
    judged = judged_from_proto(valid_event(event_id="☃" * 100, type=99), NOW)
    assert isinstance(judged, Rejection)
    assert judged.event_id == "☃" * 42
    assert judged.type_name == "unknown"


def test_a_slate_without_time_and_scenario_gets_both():
    request = pb.RecordSlatesRequest(slates=[pb.SlateRecord(request_id="r", user_id="u\0")])
    (slate,) = slates_from_proto(request, NOW)
    assert (slate.time_microseconds, slate.scenario, slate.user_id) == (NOW, "default", "u\N{REPLACEMENT CHARACTER}")


def test_every_misfit_of_a_slate_is_named():
    slate = pb.SlateRecord(request_id="r", user_id="u", item_ids=["a"], scores=[1, 2], features=[1])
    slate.time.seconds = 10**12
    with pytest.raises(InvalidRequestError) as refused:
        slates_from_proto(pb.RecordSlatesRequest(slates=[slate]), NOW)
    assert [violation.field for violation in refused.value.violations] == [
        "slates[0].scores",
        "slates[0].features",
        "slates[0].time",
    ]
