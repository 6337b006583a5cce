"""Every metric is declared, reported by somebody, documented, and has labels with closed sets of values."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from services.plumbing import metrics
from services.plumbing.metrics import LABELS, REPORTED
from tools.monitoring.metrics_page import PAGE, declared, page

ROOT = Path(__file__).parents[3]


def test_every_metric_of_the_module_is_reported_by_some_service() -> None:
    made = {name: value for name, value in vars(metrics).items() if isinstance(value, Counter | Gauge | Histogram)}
    reported = {id(metric) for of_service in REPORTED.values() for metric in of_service}
    assert len(made) > 30
    assert [name for name, value in made.items() if id(value) not in reported] == []


def test_metrics_are_made_in_one_module() -> None:
    made_elsewhere = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "services").rglob("*.py")
        if re.search(r"\b(Counter|Gauge|Histogram|Summary|Info)\(\s*\n?\s*[\"']", path.read_text())
        and path.name != "metrics.py"
    ]
    assert made_elsewhere == []


def test_the_page_is_what_is_declared() -> None:
    assert PAGE.read_text() == page(), "run: python -m tools.monitoring.metrics_page"


def test_labels_and_only_they_are_explained() -> None:
    used = {label for metric, _ in declared().values() for label in metric._labelnames}
    assert used == set(LABELS)


def test_names_follow_the_conventions() -> None:
    units = ("seconds", "bytes", "ratio", "rpcs", "info", "up")
    counted = ("slates", "items", "events", "users", "runs", "messages", "connections", "requests", "streams")
    for name, (metric, _) in declared().items():
        assert re.fullmatch(r"(trommel|grpc_server)_[a-z_]+", name), name
        assert metric._documentation.endswith("."), name
        if isinstance(metric, Gauge):
            assert name.endswith((*units, *counted)), name
