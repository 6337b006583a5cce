"""`python -m tools.monitoring.metrics_page`: writes docs/service-metrics.md out of services/plumbing/metrics.py."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import Counter, Histogram

from services.plumbing.metrics import LABELS, REPORTED, Declared

PAGE = Path(__file__).parents[2] / "docs" / "service-metrics.md"

_HEAD = """\
# Metrics of the services

Written by `python -m tools.monitoring.metrics_page` out of `services/plumbing/metrics.py`, where every metric is
declared. What each figure of an evaluation means is in [metrics.md](metrics.md); rules, alerts and dashboards are in
[monitoring.md](monitoring.md).

A service reports the rows that name it and nothing else, at `/metrics` on ports base + 11 … base + 15, besides
`process_*` and `python_*` of prometheus_client. Triton reports `nv_*` by itself, on port 8002 in a cluster and
base + 32 on one machine. Times are in seconds, sizes in bytes. A histogram has `_bucket`, `_sum` and `_count`.

## Metrics

| metric | type | labels | reported by | what |
| --- | --- | --- | --- | --- |
"""
_LABELS_HEAD = """
## Labels

Values come from closed sets: no id of a user, an item or a request is ever a label. A test counts the series of each
page after requests of all kinds, broken ones among them: 2,000 at most.

| label | values |
| --- | --- |
"""


def sample_name(metric: Declared) -> str:
    """Return the name that a query uses, without a histogram's suffixes."""
    name = str(metric._name)
    return f"{name}_total" if isinstance(metric, Counter) else name


def type_of(metric: Declared) -> str:
    """Return counter, gauge or histogram."""
    return "counter" if isinstance(metric, Counter) else "histogram" if isinstance(metric, Histogram) else "gauge"


def declared() -> dict[str, tuple[Declared, list[str]]]:
    """Return every metric that a service reports, by name, with these services."""
    found: dict[str, tuple[Declared, list[str]]] = {}
    for service, metrics in REPORTED.items():
        for metric in metrics:
            found.setdefault(sample_name(metric), (metric, []))[1].append(service)
    return dict(sorted(found.items()))


def page() -> str:
    """Return the text of the page."""
    rows = []
    for name, (metric, services) in declared().items():
        labels = ", ".join(metric._labelnames) or "–"
        says = metric._documentation.replace("|", "\\|")
        rows.append(f"| `{name}` | {type_of(metric)} | {labels} | {', '.join(services)} | {says} |\n")
    explained = [f"| {name} | {values} |\n" for name, values in sorted(LABELS.items())]
    return _HEAD + "".join(rows) + _LABELS_HEAD + "".join(explained)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
