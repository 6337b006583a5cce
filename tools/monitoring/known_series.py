"""The series that may be asked for: those declared here, Triton's, Prometheus' own, and what the rules record."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Histogram

from tools.monitoring.metrics_page import declared
from tools.monitoring.rules import read_rules

TARGET_LABELS = frozenset({"job", "instance", "service"})
"""What scraping adds to every series: monitoring/prometheus/prometheus.yaml sets them, and so does the PodMonitor."""

_MODEL = frozenset({"model", "version"})
TRITON: Mapping[str, frozenset[str]] = {
    "nv_inference_request_success": _MODEL,
    "nv_inference_request_failure": _MODEL | {"reason"},
    "nv_inference_count": _MODEL,
    "nv_inference_exec_count": _MODEL,
    "nv_inference_request_duration_us": _MODEL,
    "nv_inference_queue_duration_us": _MODEL,
    "nv_inference_compute_input_duration_us": _MODEL,
    "nv_inference_compute_infer_duration_us": _MODEL,
    "nv_inference_compute_output_duration_us": _MODEL,
    "nv_inference_pending_request_count": _MODEL,
    "nv_cpu_utilization": frozenset(),
    "nv_cpu_memory_used_bytes": frozenset(),
    "nv_gpu_utilization": frozenset({"gpu_uuid"}),
    "nv_gpu_memory_used_bytes": frozenset({"gpu_uuid"}),
    "nv_gpu_memory_total_bytes": frozenset({"gpu_uuid"}),
}
"""What Triton reports; the last three only where it has a GPU."""

OF_GPUS = frozenset(name for name in TRITON if name.startswith("nv_gpu"))
OF_PROCESSES = frozenset(
    {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"}
    | {"process_start_time_seconds"}
)
OF_PROMETHEUS = frozenset({"up", "scrape_samples_scraped", "ALERTS"})


def of_services() -> dict[str, frozenset[str]]:
    """Return the series of the services by name, a histogram's three among them, with their labels."""
    found = {}
    for name, (metric, _) in declared().items():
        labels = frozenset(metric._labelnames)
        if isinstance(metric, Histogram):
            found[f"{name}_bucket"] = labels | {"le"}
            found[f"{name}_sum"] = found[f"{name}_count"] = labels
        else:
            found[name] = labels
    return found


def recorded() -> dict[str, frozenset[str]]:
    """Return what the rules record. The labels are those that a rule sets."""
    found: dict[str, frozenset[str]] = {}
    for rule in read_rules():
        if rule.record:
            found[rule.record] = found.get(rule.record, frozenset()) | frozenset(rule.labels)
    # An aggregation over time keeps the labels of what it aggregates.
    return {name: labels or found.get(name.rsplit(":", 1)[0], labels) for name, labels in found.items()}


def known() -> dict[str, frozenset[str]]:
    """Return every series that a rule or a panel may read, with its own labels."""
    plain = dict.fromkeys(OF_PROCESSES | OF_PROMETHEUS, frozenset[str]())
    alerts = {"ALERTS": frozenset({"alertname", "alertstate", "severity"})}
    return plain | alerts | dict(TRITON) | of_services() | recorded()
