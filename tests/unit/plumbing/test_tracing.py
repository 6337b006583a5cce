from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from tritonclient.grpc import service_pb2
from trommel.feedback.v1 import feedback_pb2

from services.core.errors import UnavailableError
from services.plumbing import tracing
from services.plumbing.clients.calls import call
from services.plumbing.clients.triton import TritonClient
from services.plumbing.tracing import NO_SPAN, SpanKind, entry_span, span
from tests.collected_spans import collecting

pytestmark = pytest.mark.unit

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    with collecting() as exporter:
        yield exporter


def by_name(exporter: InMemorySpanExporter) -> dict[str, Any]:
    return {ended.name: ended for ended in exporter.get_finished_spans()}


def test_off_there_is_one_span_for_all_and_it_does_nothing() -> None:
    assert not tracing.is_on()
    assert span("a") is NO_SPAN
    assert entry_span("a", SpanKind.SERVER, TRACEPARENT) is NO_SPAN
    with span("a") as entered:
        entered.set("b", 1)
        entered.fail("c")
        tracing.annotate("b", 1)
        tracing.annotate_with("b", "1")
        assert tracing.outgoing() == {}
        assert tracing.traceparent() == tracing.recorded_traceparent() == ""
        assert tracing.ids() is tracing.exemplar() is None


def test_off_opentelemetry_is_not_even_imported() -> None:
    check = "import services.plumbing.server, sys; sys.exit(any(m.startswith('opentelemetry') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4317"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_SDK_DISABLED": "True"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_environment_switches_it_on(
    environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert tracing.is_wanted() is wanted


def test_a_collector_that_is_away_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{nowhere}")
    monkeypatch.setattr("services.plumbing.opentelemetry_tracer._CLOSE_SECONDS", 0.2)
    tracing.start_tracing("test")
    assert tracing.is_on()
    with entry_span("a", SpanKind.SERVER):
        pass
    tracing.stop_tracing()
    assert not tracing.is_on()


def test_without_opentelemetry_the_process_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "services.plumbing.opentelemetry_tracer", raising=False)
    with pytest.raises(SystemExit, match=r"opentelemetry.sdk.trace.*trommel\[tracing\]"):
        tracing.start_tracing("test")


def test_a_span_continues_the_trace_it_is_given_and_its_children_are_inside(spans: InMemorySpanExporter) -> None:
    with entry_span("outer", SpanKind.SERVER, TRACEPARENT, {"rpc.system": "grpc"}), span("inner") as inner:
        inner.set("count", 3)
        tracing.annotate_with("reasons", "late")
        tracing.annotate_with("reasons", "failed")
        assert tracing.ids() is not None
        assert tracing.exemplar() == {"trace_id": TRACE}
        carried = dict(tracing.outgoing()["metadata"])
    ended = by_name(spans)
    assert ended["outer"].parent.span_id == int(PARENT, 16)
    assert ended["outer"].attributes == {"rpc.system": "grpc"}
    assert ended["inner"].parent.span_id == ended["outer"].context.span_id
    assert ended["inner"].attributes == {"count": 3, "reasons": ("late", "failed")}
    assert {one.context.trace_id for one in ended.values()} == {int(TRACE, 16)}
    assert carried == {"traceparent": f"00-{TRACE}-{ended['inner'].context.span_id:016x}-01"}


@pytest.mark.parametrize("text", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01", "é"])
def test_what_is_no_traceparent_begins_a_trace(text: str, spans: InMemorySpanExporter) -> None:
    with entry_span("outer", SpanKind.SERVER, text, links=[text, TRACEPARENT]):
        pass
    (ended,) = spans.get_finished_spans()
    assert ended.parent is None
    assert [link.context.trace_id for link in ended.links] == [int(TRACE, 16)]


def test_outside_of_a_trace_nothing_is_recorded(spans: InMemorySpanExporter) -> None:
    with span("background work"):
        assert tracing.outgoing() == {}
    assert spans.get_finished_spans() == ()


def test_what_the_caller_does_not_sample_is_not_recorded_anywhere(spans: InMemorySpanExporter) -> None:
    with entry_span("outer", SpanKind.SERVER, TRACEPARENT[:-2] + "00"):
        assert span("inner") is NO_SPAN
        assert tracing.exemplar() is tracing.ids() is None
        assert tracing.recorded_traceparent() == ""
        # The next service must hear of the decision.
        assert dict(tracing.outgoing()["metadata"])["traceparent"].endswith("-00")
    assert spans.get_finished_spans() == ()


def test_the_ratio_is_for_traces_that_begin_here() -> None:
    with collecting(ParentBased(ALWAYS_OFF)) as exporter:
        with entry_span("begun here", SpanKind.SERVER):
            pass
        with entry_span("begun by the caller", SpanKind.SERVER, TRACEPARENT):
            pass
    assert list(by_name(exporter)) == ["begun by the caller"]


def test_an_error_is_told_by_its_type_alone(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="hunter2"), entry_span("outer", SpanKind.SERVER):
        raise ValueError("the password is hunter2")
    (ended,) = spans.get_finished_spans()
    assert not ended.status.is_ok
    assert ended.attributes == {"error.type": "ValueError"}
    assert "hunter2" not in ended.to_json()


async def test_tasks_belong_to_the_span_they_were_made_in(spans: InMemorySpanExporter) -> None:
    async def work() -> None:
        with span("inner"):
            await asyncio.sleep(0)

    with entry_span("outer", SpanKind.SERVER):
        task = asyncio.create_task(work())
    await task
    ended = by_name(spans)
    assert ended["inner"].parent.span_id == ended["outer"].context.span_id


async def test_what_is_cancelled_is_no_failure(spans: InMemorySpanExporter) -> None:
    async def work() -> None:
        with entry_span("outer", SpanKind.SERVER):
            await asyncio.sleep(10)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(work(), 0.01)
    (ended,) = spans.get_finished_spans()
    assert ended.attributes == {"error.type": "cancelled"}
    assert ended.status.is_unset


class Answering:
    """A method of a stub that keeps what it is called with."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.keywords: dict[str, Any] = {}

    async def __call__(self, _: Any, **keywords: Any) -> Any:
        self.keywords = keywords
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


async def test_a_call_carries_the_trace_of_its_own_span(spans: InMemorySpanExporter) -> None:
    method = Answering("answer")
    request = feedback_pb2.GetHistoryRequest(user_id="somebody")
    with entry_span("outer", SpanKind.SERVER, TRACEPARENT):
        assert await call(method, request, service="feedback", timeout_seconds=1.0) == "answer"
    ended = by_name(spans)["feedback/GetHistory"]
    assert method.keywords["metadata"] == (("traceparent", f"00-{TRACE}-{ended.context.span_id:016x}-01"),)
    assert ended.attributes == {"rpc.system": "grpc", "rpc.method": "GetHistory", "peer.service": "feedback"}
    assert "somebody" not in ended.to_json()


async def test_a_call_that_is_not_traced_carries_nothing() -> None:
    method = Answering("answer")
    request = feedback_pb2.GetHistoryRequest(user_id="somebody")
    await call(method, request, service="feedback", timeout_seconds=1.0)
    assert method.keywords == {"timeout": 1.0}


async def test_a_call_that_fails_says_with_which_code(spans: InMemorySpanExporter) -> None:
    nothing = grpc.aio.Metadata()
    refused = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, nothing, nothing, details="hunter2")
    request = feedback_pb2.GetHistoryRequest(user_id="somebody")
    with entry_span("outer", SpanKind.SERVER), pytest.raises(UnavailableError):
        await call(Answering(refused), request, service="feedback", timeout_seconds=1.0)
    ended = by_name(spans)["feedback/GetHistory"]
    assert ended.attributes["error.type"] == "UNAVAILABLE"
    assert ended.attributes["rpc.grpc.status_code"] == 14
    assert "hunter2" not in ended.to_json()


async def test_an_inference_is_a_span_with_model_and_version(spans: InMemorySpanExporter) -> None:
    answer = service_pb2.ModelInferResponse(
        outputs=[service_pb2.ModelInferResponse.InferOutputTensor(name="scores", datatype="FP32", shape=[1, 2])],
        raw_output_contents=[np.zeros(2, np.float32).tobytes()],
    )
    method = Answering(answer)
    client = TritonClient(SimpleNamespace(ModelInfer=method, ServerLive=method), 1)
    for _ in range(2):
        with entry_span("outer", SpanKind.SERVER, TRACEPARENT):
            await client.infer("ranker", "20240101000000", {"ids": np.zeros((1, 2), np.int32)}, "scores", 1.0)
    ended = by_name(spans)["triton/ModelInfer ranker"]
    assert ended.attributes["trommel.model"] == "ranker"
    assert ended.attributes["trommel.model_version"] == "20240101000000"
    assert dict(method.keywords["metadata"])["traceparent"].startswith(f"00-{TRACE}-{ended.context.span_id:016x}")


async def test_a_span_that_is_not_present_may_end_elsewhere(
    spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    with entry_span("outer", SpanKind.CONSUMER, TRACEPARENT):
        step = entry_span("step", SpanKind.INTERNAL, tracing.recorded_traceparent(), is_present=False).__enter__()
        with span("beside"):
            pass

        async def end() -> None:
            step.__exit__(None, None, None)

        await asyncio.create_task(end())
    ended = by_name(spans)
    for name in ("step", "beside"):
        assert ended[name].parent.span_id == ended["outer"].context.span_id
    assert not caplog.records
