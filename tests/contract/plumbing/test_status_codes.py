from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from trommel.feedback.v1 import feedback_pb2 as pb

from services.core import errors
from services.plumbing.clients.calls import call


async def failure(awaitable: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value


def violations_of(error: grpc.aio.AioRpcError) -> dict[str, str]:
    status = rpc_status.from_call(error)
    assert status is not None, "the status travels with its details"
    details = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(details)
    return {violation.field: violation.description for violation in details.field_violations}


def raising(error: BaseException) -> Any:
    async def behaviour(_: Any) -> None:
        raise error

    return behaviour


async def test_a_valid_request_is_answered(server: Any) -> None:
    response = await server.stub.GetHistory(pb.GetHistoryRequest(user_id="u"))
    assert list(response.seen_item_ids) == ["a"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetHistoryRequest(), "user_id"),
        (pb.GetHistoryRequest(user_id="u", limit=-1), "limit"),
        (pb.GetHistoryRequest(user_id="a\nb"), "user_id"),
    ],
)
async def test_a_broken_rule_names_its_field(server: Any, request_: Any, field: str) -> None:
    error = await failure(server.stub.GetHistory(request_))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in error.details()
    assert "\n" not in error.details()
    assert list(violations_of(error)) == [field]
    assert server.servicer.requests == [], "the servicer never sees it"


async def test_a_field_of_ten_megabytes_is_one_short_line(server: Any) -> None:
    error = await failure(server.stub.GetHistory(pb.GetHistoryRequest(user_id="x" * (10 << 20))))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(error.details()) < 300
    assert "user_id" in violations_of(error)


async def test_a_message_above_the_limit_is_resource_exhausted(start_server: Any) -> None:
    async with start_server(max_message_bytes=1 << 16) as server:
        error = await failure(server.stub.GetHistory(pb.GetHistoryRequest(user_id="x" * (1 << 17))))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("payload", [b"\xff\xff\xff", b"\x0a\x05abc", b"\x0a\x02\xff\xfe"])
async def test_garbage_is_the_callers_fault(server: Any, payload: bytes) -> None:
    error = await failure(server.call_raw("GetHistory", payload))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "protobuf" in error.details()


async def test_garbage_in_a_stream_is_the_callers_fault(server: Any) -> None:
    call_ = server.channel.stream_stream("/trommel.feedback.v1.FeedbackService/StreamEvents")(iter([b"\xff\xff"]))
    error = await failure(call_.read())
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_stream_goes_through(server: Any) -> None:
    stream = server.stub.StreamEvents(
        iter([pb.StreamEventsRequest(event=pb.Event(event_id=event_id)) for event_id in "abc"])
    )
    assert [response.result.event_id async for response in stream] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (errors.InvalidRequestError("no"), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.NotFoundError("no"), grpc.StatusCode.NOT_FOUND),
        (errors.PreconditionError("no"), grpc.StatusCode.FAILED_PRECONDITION),
        (errors.UnavailableError("no"), grpc.StatusCode.UNAVAILABLE),
        (errors.OverloadedError("no"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (TimeoutError(), grpc.StatusCode.DEADLINE_EXCEEDED),
    ],
)
async def test_each_domain_error_has_its_status(server: Any, raised: Exception, code: grpc.StatusCode) -> None:
    server.servicer.behaviour = raising(raised)
    error = await failure(server.stub.GetHistory(pb.GetHistoryRequest(user_id="u")))
    assert error.code() is code


async def test_field_violations_of_a_servicer_travel_cut_to_what_fits(server: Any) -> None:
    many = tuple(errors.FieldViolation(f"events[{i}]", "y" * 5000) for i in range(500))
    server.servicer.behaviour = raising(errors.InvalidRequestError("x" * 5000, many))
    error = await failure(server.stub.GetHistory(pb.GetHistoryRequest(user_id="u")))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(error.details()) <= 200
    assert 1 <= len(violations_of(error)) <= 16


async def test_what_was_not_foreseen_is_internal_and_stays_inside(server: Any, caplog: Any) -> None:
    server.servicer.behaviour = raising(RuntimeError("password=hunter2"))
    error = await failure(server.stub.GetHistory(pb.GetHistoryRequest(user_id="u")))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "hunter2" not in error.details()
    assert "hunter2" in caplog.text, "the server's log has it"


async def test_a_stream_that_fails_midway_has_the_status_of_its_error(server: Any) -> None:
    server.servicer.behaviour = raising(errors.UnavailableError("away"))
    stream = server.stub.StreamEvents(iter([pb.StreamEventsRequest(event=pb.Event(event_id="a"))]))
    assert (await failure(stream.read())).code() is grpc.StatusCode.UNAVAILABLE


async def test_an_unknown_method_is_unimplemented(server: Any) -> None:
    assert (await failure(server.call_raw("Nothing", b""))).code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_deadline_that_passes_is_deadline_exceeded(server: Any) -> None:
    async def slow(_: Any) -> None:
        await asyncio.sleep(5)

    server.servicer.behaviour = slow
    error = await failure(server.stub.GetHistory(pb.GetHistoryRequest(user_id="u"), timeout=0.05))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_calls_to_siblings_fail_in_words_of_the_domain(server: Any) -> None:
    async def ask(timeout_seconds: float = 2.0) -> Any:
        request = pb.GetHistoryRequest(user_id="u")
        return await call(server.stub.GetHistory, request, service="feedback", timeout_seconds=timeout_seconds)

    assert (await ask()).seen_item_ids == ["a"]
    server.servicer.behaviour = raising(errors.PreconditionError("internals"))
    with pytest.raises(errors.UnavailableError, match="feedback answered FAILED_PRECONDITION"):
        await ask()

    server.servicer.behaviour = raising(errors.InvalidRequestError("limit: too large"))
    with pytest.raises(errors.InvalidRequestError, match="feedback refused the request: limit: too large"):
        await ask()

    async def slow(_: Any) -> None:
        await asyncio.sleep(5)

    server.servicer.behaviour = slow
    with pytest.raises(TimeoutError, match="feedback did not answer in time"):
        await ask(0.05)
