"""What a server of the shell tells of its RPCs."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from trommel.feedback.v1 import feedback_pb2 as pb

from services.core.errors import NotFoundError, UnavailableError
from services.plumbing.metrics import start_metrics
from services.plumbing.tracing import span
from tests.collected_spans import collecting

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
METADATA = (
    ("traceparent", f"00-{TRACE}-{PARENT}-01"),
    ("tracestate", "vendor=hunter2"),
    ("baggage", "user=hunter2"),
    ("authorization", "Bearer hunter2"),
)


@pytest.fixture(autouse=True)
def spans() -> Iterator[InMemorySpanExporter]:
    with collecting() as exporter:
        yield exporter


async def ended(spans: InMemorySpanExporter, count: int) -> list[Any]:
    """Return the spans once there are so many: one ends a moment after its answer has left."""
    for _ in range(200):
        if len(spans.get_finished_spans()) >= count:
            break
        await asyncio.sleep(0.01)
    return list(spans.get_finished_spans())


async def test_an_rpc_continues_its_callers_trace_and_tells_nothing_else_of_the_metadata(
    start_server: Any, spans: InMemorySpanExporter
) -> None:
    async def work(_: Any) -> None:
        with span("work"):
            await asyncio.sleep(0)

    async with start_server() as server:
        server.servicer.behaviour = work
        await server.stub.GetHistory(pb.GetHistoryRequest(user_id="somebody"), metadata=METADATA)
        inner, outer = await ended(spans, 2)
    assert outer.name == "trommel.feedback.v1.FeedbackService/GetHistory"
    assert f"{outer.context.trace_id:032x}" == f"{inner.context.trace_id:032x}" == TRACE
    assert f"{outer.parent.span_id:016x}" == PARENT
    assert inner.parent.span_id == outer.context.span_id
    assert outer.attributes == {
        "rpc.system": "grpc",
        "rpc.service": "trommel.feedback.v1.FeedbackService",
        "rpc.method": "GetHistory",
        "rpc.grpc.status_code": 0,
    }
    for one in (inner, outer):
        assert "hunter2" not in one.to_json()
        assert "somebody" not in one.to_json()


@pytest.mark.parametrize(
    ("error", "code", "is_failure"),
    [
        (NotFoundError("no hunter2"), grpc.StatusCode.NOT_FOUND, False),
        (UnavailableError("hunter2 is away"), grpc.StatusCode.UNAVAILABLE, True),
        (RuntimeError("hunter2"), grpc.StatusCode.INTERNAL, True),
    ],
)
async def test_the_code_is_the_one_the_caller_sees(
    error: Exception, code: grpc.StatusCode, is_failure: bool, start_server: Any, spans: InMemorySpanExporter
) -> None:
    async def fail(_: Any) -> None:
        raise error

    async with start_server() as server:
        server.servicer.behaviour = fail
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await server.stub.GetHistory(pb.GetHistoryRequest(user_id="u"))
        (outer,) = await ended(spans, 1)
    assert refused.value.code() is code
    assert outer.attributes["rpc.grpc.status_code"] == code.value[0]
    assert outer.status.is_unset is not is_failure
    assert "hunter2" not in outer.to_json()


async def test_a_request_that_is_refused_has_a_span_too(start_server: Any, spans: InMemorySpanExporter) -> None:
    async with start_server() as server:
        with pytest.raises(grpc.aio.AioRpcError):
            await server.stub.GetHistory(pb.GetHistoryRequest())
        (outer,) = await ended(spans, 1)
    assert outer.attributes["rpc.grpc.status_code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]


async def test_a_conversation_has_no_span(start_server: Any, spans: InMemorySpanExporter) -> None:
    async with start_server() as server:
        event = pb.Event(event_id="e", user_id="u", item_id="i", type=pb.EVENT_TYPE_LIKE)
        call = server.stub.StreamEvents(iter([pb.StreamEventsRequest(event=event)]))
        assert [answer.result.event_id async for answer in call] == ["e"]
    assert spans.get_finished_spans() == ()


async def test_the_page_of_metrics_links_latency_to_the_trace(start_server: Any, spans: InMemorySpanExporter) -> None:
    async with start_server() as server:
        await server.stub.GetHistory(pb.GetHistoryRequest(user_id="somebody"), metadata=METADATA)
        await ended(spans, 1)
    port = start_metrics("127.0.0.1:0")
    pages = {}
    for kind in ("application/openmetrics-text", "text/plain"):
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": kind})
        with await asyncio.to_thread(urllib.request.urlopen, asked) as answer:
            assert answer.headers["Content-Type"].startswith(kind)
            pages[kind] = answer.read().decode()
    linked = [
        line
        for line in pages["application/openmetrics-text"].splitlines()
        if line.startswith("grpc_server_handling_seconds_bucket") and f'# {{trace_id="{TRACE}"}}' in line
    ]
    assert linked
    assert TRACE not in pages["text/plain"], "the old format has no exemplars"
