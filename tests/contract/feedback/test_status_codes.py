"""FeedbackService on the wire while PostgreSQL and Redis are away: what is wrong is told, nothing is acknowledged."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from trommel.feedback.v1 import feedback_pb2 as pb
from trommel.feedback.v1 import feedback_pb2_grpc

from services.feedback.composition import compose
from services.feedback.settings import FeedbackSettings
from services.plumbing.server import serving

AWAY = "127.0.0.1:1"
CLICK = pb.Event(event_id="e", user_id="u", item_id="i", type=pb.EVENT_TYPE_CLICK)


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    settings = FeedbackSettings(
        listen="127.0.0.1:0",
        database_url=f"postgresql://trommel@{AWAY}/trommel",
        redis_url=f"redis://{AWAY}/0",
        drain_delay_seconds=0,
        drain_seconds=0,
        feedback_patience_seconds=0,
        feedback_stream_patience_seconds=0,
    )
    async with (
        compose(settings) as register,
        serving(settings, register) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened,
    ):
        yield opened


@pytest.fixture
def feedback(channel: grpc.aio.Channel) -> feedback_pb2_grpc.FeedbackServiceStub:
    return feedback_pb2_grpc.FeedbackServiceStub(channel)


async def refusal(call) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value


def violated_fields(error: grpc.aio.AioRpcError) -> list[str]:
    fields = []
    for detail in rpc_status.from_call(error).details:
        request = error_details_pb2.BadRequest()
        assert detail.Unpack(request)
        fields += [violation.field for violation in request.field_violations]
    return fields


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_of_a_wrong_size(feedback, count):
    error = await refusal(feedback.RecordEvents(pb.RecordEventsRequest(events=[CLICK] * count)))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(error) == ["events"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetHistoryRequest(), "user_id"),
        (pb.GetHistoryRequest(user_id="x" * (10 << 20)), "user_id"),
        (pb.GetHistoryRequest(user_id="a\0"), "user_id"),
        (pb.GetHistoryRequest(user_id="u", limit=-1), "limit"),
        (pb.GetHistoryRequest(user_id="u", limit=1001), "limit"),
        (pb.GetHistoryRequest(user_id="u", scenario="a\0"), "scenario"),
    ],
)
async def test_a_bad_history_request(feedback, request_, field):
    error = await refusal(feedback.GetHistory(request_))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in violated_fields(error)
    assert "\n" not in error.details()
    assert len(error.details()) <= 200


async def test_a_slate_of_a_time_that_is_none(feedback):
    slate = pb.SlateRecord(request_id="r", user_id="u")
    slate.time.seconds = -1
    error = await refusal(feedback.RecordSlates(pb.RecordSlatesRequest(slates=[slate])))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(error) == ["slates[0].time"]


async def test_rejections_need_no_database(feedback):
    bad = pb.Event(event_id="é" * 200)
    response = await feedback.RecordEvents(pb.RecordEventsRequest(events=[bad]))
    (result,) = response.results
    assert result.status == pb.EventResult.STATUS_REJECTED
    assert result.event_id == "é" * 64


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("RecordEvents", pb.RecordEventsRequest(events=[CLICK])),
        ("GetHistory", pb.GetHistoryRequest(user_id="u")),
        ("RecordSlates", pb.RecordSlatesRequest(slates=[pb.SlateRecord(request_id="r", user_id="u")])),
    ],
)
async def test_the_database_is_away(feedback, method, request_):
    error = await refusal(getattr(feedback, method)(request_))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert error.details() == "the database is unavailable; try again"


async def test_a_stream_without_its_database_acknowledges_only_rejections(feedback):
    call = feedback.StreamEvents()
    await call.write(pb.StreamEventsRequest())
    assert (await call.read()).result.status == pb.EventResult.STATUS_REJECTED
    await call.write(pb.StreamEventsRequest(event=CLICK))
    assert await call.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff", b"\x0a\x05\x0a\x03\xed\xa0\x80"])
async def test_bytes_that_are_no_event_such_as_a_lone_surrogate(channel, garbage):
    path = "/trommel.feedback.v1.FeedbackService/"
    error = await refusal(channel.unary_unary(path + "RecordEvents")(garbage))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    call = channel.stream_stream(path + "StreamEvents")()
    await call.write(garbage)
    assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
