from __future__ import annotations

import logging

import pytest
from prometheus_client import REGISTRY

from services.plumbing.pipeline_observer import PrometheusObserver


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"pipeline": "test_observer", **labels}) or 0.0


def test_what_the_runner_tells_is_counted() -> None:
    observer = PrometheusObserver("test_observer")
    for _ in range(2):
        observer.stage_ran("filter", "seen", 0.001)
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
