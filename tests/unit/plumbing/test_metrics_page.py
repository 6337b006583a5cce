"""What a service's /metrics page holds: its own metrics, no other's, and no times of creation."""

from __future__ import annotations

import urllib.request

import pytest

from services.plumbing.metrics import REPORTED, start_metrics


def names_on_the_page(service: str, accept: str = "text/plain") -> set[str]:
    port = start_metrics("127.0.0.1:0", service)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {line.split()[2] for line in lines if line.startswith("# TYPE")}


@pytest.mark.parametrize("service", REPORTED)
def test_a_page_holds_what_its_service_reports(service: str) -> None:
    names = {name.removesuffix("_total") for name in names_on_the_page(service)}
    ours = {name for name in names if name.startswith(("trommel_", "grpc_"))}
    assert ours == {metric._name for metric in REPORTED[service]}
    assert {"process_cpu_seconds", "python_info"} <= names


def test_a_page_of_openmetrics_has_no_times_of_creation() -> None:
    names = names_on_the_page("feedback", "application/openmetrics-text; version=1.0.0")
    assert not [name for name in names if name.endswith("_created")]
    assert "trommel_events" in names
