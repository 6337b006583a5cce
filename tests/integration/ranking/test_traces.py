"""One Recommend through three processes is one trace, and no secret is in anything that they say."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc
from trommel.ranking.v1 import ranking_pb2, ranking_pb2_grpc

from tests.otlp_receiver import OtlpReceiver, ReceivedSpan, receiving
from tests.service_process import Process, process

pytestmark = pytest.mark.integration

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
METADATA_SECRET, DSN_SECRET, HEADER_SECRET = "planted-in-metadata", "planted-in-dsn", "planted-in-header"
METADATA = (
    ("traceparent", f"00-{TRACE}-{CALLER}-01"),
    ("tracestate", f"vendor={METADATA_SECRET}"),
    ("baggage", f"user={METADATA_SECRET}"),
    ("authorization", f"Bearer {METADATA_SECRET}"),
)
RECOMMEND = "trommel.ranking.v1.RankingService/Recommend"
GENERATE = "trommel.candidates.v1.CandidateService/GenerateCandidates"
RECORD = "trommel.feedback.v1.FeedbackService/RecordSlates"


@dataclass(frozen=True)
class Traced:
    receiver: OtlpReceiver
    processes: dict[str, Process]
    error: str
    trace: list[ReceivedSpan]
    before: dict[str, str]

    def only(self, name: str, service: str) -> ReceivedSpan:
        (found,) = (span for span in self.trace if (span.name, span.service) == (name, service))
        return found

    def ancestors(self, span: ReceivedSpan) -> list[str]:
        by_id = {one.span_id: one for one in self.trace}
        names = []
        while (above := by_id.get(span.parent_id)) is not None:
            names.append(above.name)
            span = above
        return names


@pytest.fixture(scope="module")
def traced(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """Recommend once, traced; and let one call fail for want of the database, whose URL is wrong."""
    folder = tmp_path_factory.mktemp("traced")
    with receiving() as receiver, ExitStack() as running:
        environment = {
            **stack.environment,
            "TROMMEL_LOG_LEVEL": "DEBUG",
            "TROMMEL_DRAIN_DELAY_SECONDS": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={HEADER_SECRET}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        processes = {
            name: running.enter_context(process(name, folder, environment)) for name in ("candidates", "feedback")
        }
        patient = {f"TROMMEL_{name}_SECONDS": "10" for name in ("TIME_BUDGET", "CANDIDATES_TIMEOUT", "RANKER_TIMEOUT")}
        urls = {f"TROMMEL_{name.upper()}_URL": one.address for name, one in processes.items()}
        ranking = {**environment, **patient, **urls, "TROMMEL_HISTORY_TIMEOUT_SECONDS": "1"}
        processes["ranking"] = running.enter_context(process("ranking", folder, ranking))
        port = urlsplit(environment["TROMMEL_DATABASE_URL"]).port
        wrong = {**environment, "TROMMEL_DATABASE_URL": f"postgresql://trommel:{DSN_SECRET}@127.0.0.1:{port}/trommel"}
        processes["refused"] = running.enter_context(process("feedback", folder, wrong))

        stub = ranking_pb2_grpc.RankingServiceStub(grpc.insecure_channel(processes["ranking"].address))
        request = ranking_pb2.RecommendRequest(user_id="ann", scenario="movies/home", count=10)
        until = time.monotonic() + 30
        # Until the bundle is loaded. These are not sampled: their slates' records have no trace to be in.
        unsampled = [("traceparent", f"00-{'1' * 32}-{CALLER}-00")]
        while stub.Recommend(request, timeout=20, metadata=unsampled).slate.degraded_reasons:
            assert time.monotonic() < until, "ranking never had the bundle"
            time.sleep(0.2)
        before = {name: one.page() for name, one in processes.items()}
        slate = stub.Recommend(request, timeout=20, metadata=METADATA).slate
        assert list(slate.degraded_reasons) == []
        feedback = feedback_pb2_grpc.FeedbackServiceStub(grpc.insecure_channel(processes["refused"].address))
        with pytest.raises(grpc.RpcError) as failed:
            feedback.GetHistory(feedback_pb2.GetHistoryRequest(user_id="ann"), timeout=10, metadata=METADATA)
        trace = receiver.wait_for(TRACE, RECOMMEND, GENERATE, RECORD, "trommel.feedback.v1.FeedbackService/GetHistory")
        yield Traced(
            receiver, processes, f"{failed.value.code()} {failed.value.details()} {failed.value}", trace, before
        )


def test_every_hop_is_in_the_callers_trace(traced: Traced) -> None:
    assert traced.only(RECOMMEND, "ranking").parent_id == CALLER
    for name, service, above in (
        ("redis", "ranking", ["query_hydrator history", RECOMMEND]),
        (GENERATE, "candidates", ["candidates/GenerateCandidates", "source candidates", RECOMMEND]),
        ("triton/ModelInfer ranker", "ranking", ["scorer ranker", RECOMMEND]),
        (RECORD, "feedback", ["feedback/RecordSlates", "record slates", "side_effect impression", RECOMMEND]),
    ):
        assert traced.ancestors(traced.only(name, service)) == above
    assert GENERATE in traced.ancestors(traced.only("triton/ModelInfer user_encoder", "candidates"))
    in_feedback = [span for span in traced.trace if (span.name, span.service) == ("postgresql", "feedback")]
    assert [RECORD in traced.ancestors(span) for span in in_feedback].count(True) == 1


def _stage_counts(page: str) -> dict[str, float]:
    pattern = r'trommel_stage_duration_seconds_count{pipeline="\w+",role="(\w+)",stage="(\w+)"} ([\d.]+)'
    return {f"{role} {stage}": float(count) for role, stage, count in re.findall(pattern, page)}


@pytest.mark.parametrize(("service", "rpc"), [("ranking", RECOMMEND), ("candidates", GENERATE)])
def test_every_stage_that_the_metrics_know_is_a_span(service: str, rpc: str, traced: Traced) -> None:
    before, after = _stage_counts(traced.before[service]), _stage_counts(traced.processes[service].page())
    wanted = {stage for stage, count in after.items() if count > before.get(stage, 0)}
    spans = {span.name for span in traced.trace if span.service == service and rpc in traced.ancestors(span)}
    assert len(wanted) >= 8
    assert wanted <= spans


def test_what_a_span_says_is_from_closed_sets(traced: Traced) -> None:
    outer = traced.only(RECOMMEND, "ranking").attributes
    assert outer["trommel.bundle_version"] == "20240101000000"
    assert outer["trommel.source.candidates.status"] == "answered"
    assert outer["rpc.grpc.status_code"] == 0
    assert traced.only("triton/ModelInfer ranker", "ranking").attributes["trommel.model_version"] == "20240101000000"
    assert not traced.receiver.trace("1" * 32)
    for text in traced.receiver.raw:
        assert '"ann"' not in text
        assert "Film" not in text


def test_latency_leads_to_the_trace(traced: Traced) -> None:
    page = traced.processes["ranking"].page()
    linked = [line for line in page.splitlines() if TRACE in line]
    assert any(line.startswith("grpc_server_handling_seconds_bucket") for line in linked)
    assert any(line.startswith("trommel_stage_duration_seconds_bucket") for line in linked)


def test_a_log_line_of_a_traced_call_carries_its_trace(traced: Traced) -> None:
    lines = traced.processes["refused"].log.read_text().splitlines()
    assert any(f'"trace_id": "{TRACE}"' in line and "database" in line for line in lines)


def test_no_secret_is_in_a_span_a_log_a_page_or_an_error(stack: Any, traced: Traced) -> None:
    real = urlsplit(stack.environment["TROMMEL_DATABASE_URL"]).password
    assert real
    said = {f"log of {name}": one.log.read_text() for name, one in traced.processes.items()}
    said |= {f"metrics of {name}": one.page() for name, one in traced.processes.items()}
    said |= {"spans": "\n".join(traced.receiver.raw), "error": traced.error}
    assert "UNAVAILABLE" in traced.error
    for where, text in said.items():
        assert text, where
        for secret in (METADATA_SECRET, DSN_SECRET, HEADER_SECRET, real):
            assert secret not in text, f"{secret} is in {where}"
