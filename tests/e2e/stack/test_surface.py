"""What the outside sees: real processes, reflection, health, metrics pages."""

from __future__ import annotations

import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.e2e.conftest import RunningStack, channel

SERVICES = {
    "candidates": {"trommel.candidates.v1.CandidateService", "trommel.catalog.v1.CatalogService"},
    "ranking": {"trommel.ranking.v1.RankingService"},
    "feedback": {"trommel.feedback.v1.FeedbackService"},
    "training": {"trommel.training.v1.TrainingService"},
}
METRICS = {
    "candidates": ["grpc_server_handled_total", "trommel_source_candidates_bucket", "trommel_bundle_info"],
    "ranking": ["trommel_stage_duration_seconds_bucket", "trommel_triton_call_duration_seconds_bucket"],
    "feedback": ["trommel_events_total", "trommel_event_commit_duration_seconds_bucket"],
    "training": ["grpc_server_handling_seconds_bucket"],
    "worker": ["trommel_training_runs_total", "trommel_training_step_duration_seconds_bucket"],
}
PORT = {"candidates": 11, "ranking": 12, "feedback": 13, "training": 14, "worker": 15}


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ("postgres", "postgres"),
        ("redis", "redis-server"),
        ("triton", "tritonserver"),
        ("candidates", "services.candidates.server"),
        ("ranking", "services.ranking.server"),
        ("feedback", "services.feedback.server"),
        ("training", "services.training.server"),
        ("worker", "celery"),
    ],
)
def test_a_real_process_runs(stack: RunningStack, part: str, word: str) -> None:
    assert word in " ".join(stack.process(part).cmdline())


@pytest.mark.parametrize("part", SERVICES)
def test_reflection_lists_the_services(stack: RunningStack, part: str) -> None:
    with channel(stack.environment[f"TROMMEL_{part.upper()}_URL"]) as opened:
        listed = set(ProtoReflectionDescriptorDatabase(opened).get_services())
    assert SERVICES[part] <= listed
    assert "grpc.health.v1.Health" in listed


@pytest.mark.parametrize("part", SERVICES)
def test_health_says_serving(stack: RunningStack, part: str) -> None:
    with channel(stack.environment[f"TROMMEL_{part.upper()}_URL"]) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        for service in ("", *SERVICES[part]):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("part", METRICS)
def test_metrics_pages_hold_what_is_promised(stack: RunningStack, part: str) -> None:
    address = f"http://127.0.0.1:{stack.settings.port_base + PORT[part]}/metrics"
    page = urllib.request.urlopen(address, timeout=10).read().decode()
    for name in METRICS[part]:
        assert f"\n{name}{{" in page, f"{part} has no {name}"


@pytest.mark.parametrize("method", ["/trommel.ranking.v1.RankingService/Recommend"])
def test_garbage_is_an_invalid_argument(stack: RunningStack, method: str) -> None:
    with channel(stack.environment["TROMMEL_RANKING_URL"]) as opened, pytest.raises(grpc.RpcError) as caught:
        opened.unary_unary(method)(b"\xff\xff\xff", timeout=10)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
