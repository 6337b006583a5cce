from __future__ import annotations

import logging

import pytest
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.exposition import generate_latest

from services.plumbing.pipeline_observer import PrometheusObserver
from services.plumbing.tracing import SpanKind, entry_span, span
from tests.collected_spans import collecting


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"pipeline": "test_observer", **labels}) or 0.0


def test_what_the_runner_tells_is_counted() -> None:
    observer = PrometheusObserver("test_observer")
    for _ in range(2):
        with observer.stage("filter", "seen"):
            pass
    observer.proposed("popularity", "answered", 40)
    observer.proposed("popularity", "late", 0)
    observer.removed("seen", 7)
    observer.degraded("ranker_unavailable")
    observer.answered(in_full=False)
    assert value("trommel_stage_duration_seconds_count", role="filter", stage="seen") == 2
    assert value("trommel_source_runs_total", source="popularity", status="late") == 1
    assert value("trommel_source_candidates_sum", source="popularity") == 40
    assert value("trommel_source_candidates_count", source="popularity") == 1, "only answers have a size"
    assert value("trommel_removed_candidates_total", stage="seen") == 7
    assert value("trommel_degraded_answers_total", reason="ranker_unavailable") == 1
    assert value("trommel_answers_total", quality="degraded") == 1
    assert value("trommel_answers_total", quality="full") == 0


def test_an_outage_is_counted_for_each_request_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    observer = PrometheusObserver("test_observer")
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            observer.failed("ranker", ConnectionError("away"))
        observer.failed("ranker", ValueError("another kind"))
    assert value("trommel_stage_failures_total", stage="ranker", error="ConnectionError") == 100
    assert len(caplog.records) == 2


def test_a_stage_that_fails_is_timed_and_its_error_passes() -> None:
    observer = PrometheusObserver("test_observer")
    with pytest.raises(ValueError, match="wrong"), observer.stage("scorer", "failing"):
        raise ValueError("wrong")
    assert value("trommel_stage_duration_seconds_count", role="scorer", stage="failing") == 1


def test_traced_a_stage_is_a_span_around_what_it_calls() -> None:
    observer = PrometheusObserver("traced")
    with collecting() as exporter, entry_span("rpc", SpanKind.SERVER):
        with observer.stage("source", "popularity"), span("call"):
            pass
        observer.proposed("popularity", "answered", 40)
        with observer.stage("filter", "seen"):
            observer.removed("seen", 7)
        for reason in ("ranker_unavailable", "source_newcomers_late"):
            observer.degraded(reason)
        with pytest.raises(ValueError, match="hunter2"), observer.stage("scorer", "ranker"):
            raise ValueError("hunter2")
    spans = {ended.name: ended for ended in exporter.get_finished_spans()}
    assert list(spans) == ["call", "source popularity", "filter seen", "scorer ranker", "rpc"]
    assert spans["call"].parent == spans["source popularity"].context
    assert spans["filter seen"].attributes == {
        "trommel.pipeline": "traced",
        "trommel.role": "filter",
        "trommel.stage": "seen",
        "trommel.removed_candidates": 7,
    }
    assert spans["rpc"].attributes == {
        "trommel.source.popularity.status": "answered",
        "trommel.source.popularity.candidates": 40,
        "trommel.degraded_reasons": ("ranker_unavailable", "source_newcomers_late"),
    }
    assert spans["scorer ranker"].attributes["error.type"] == "ValueError"
    trace_id = f"{spans['rpc'].context.trace_id:032x}"
    page = generate_latest(REGISTRY).decode()
    lines = [line for line in page.splitlines() if 'pipeline="traced"' in line and "trace_id" in line]
    assert any(f'# {{trace_id="{trace_id}"}}' in line for line in lines)
