"""What can be said of rules, dashboards and pages without Prometheus: each returns lines on what is wrong."""

from __future__ import annotations

from tools.monitoring.dashboards.files import FOLDER, panels, plain, texts
from tools.monitoring.known_series import TARGET_LABELS, known
from tools.monitoring.metrics_page import PAGE, page
from tools.monitoring.promql import metrics_in, selectors_in
from tools.monitoring.rules import ROOT, read_rules

SEVERITIES = frozenset({"critical", "warning", "none"})


def unknown_series() -> list[str]:
    """Series, and labels of series, that a rule or a panel reads and nobody reports."""
    there = known()
    used = [(f"{rule.file}, {rule.alert or rule.record}", rule.expression) for rule in read_rules()]
    used += [
        (f"{board.title}, {panel.title}", plain(query.expression))
        for board, panel in panels()
        for query in panel.queries
    ]
    problems = [
        f"{where}: there is no {name}" for where, text in used for name in sorted(metrics_in(text) - there.keys())
    ]
    for where, text in used:
        for name, labels in selectors_in(text):
            # What is recorded carries whatever its rule left over.
            if name in there and ":" not in name:
                strange = sorted(set(labels) - there[name] - TARGET_LABELS)
                problems += [f"{where}: {name} has no label {label}" for label in strange]
    return problems


def outdated_files() -> list[str]:
    """Files that are written from code and are not what it writes."""
    problems = [] if PAGE.read_text() == page() else [f"{PAGE.name}: run python -m tools.monitoring.metrics_page"]
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    if found != texts():
        problems.append("dashboards: run python -m tools.monitoring.dashboards")
    return problems


def incomplete_alerts() -> list[str]:
    """Alerts without a severity, a summary, a description or a runbook that is there."""
    problems = []
    for rule in read_rules():
        if not rule.alert:
            continue
        if rule.labels.get("severity") not in SEVERITIES:
            problems.append(f"{rule.alert}: its severity is not one of {', '.join(sorted(SEVERITIES))}")
        problems += [
            f"{rule.alert}: no {name}" for name in ("summary", "description") if not rule.annotations.get(name)
        ]
        runbook = rule.annotations.get("runbook_url", "")
        if not runbook or not (ROOT / runbook).is_file():
            problems.append(f"{rule.alert}: its runbook {runbook or '(none)'} is not there")
    return problems
