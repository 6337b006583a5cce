"""Every panel's query and every rule, asked of a Prometheus that scrapes a running stack."""

from __future__ import annotations

from collections.abc import Iterator

from tools.monitoring.dashboards.files import panels, plain
from tools.monitoring.drill.prometheus_process import Prometheus


def panel_problems(prometheus: Prometheus) -> tuple[int, list[str]]:
    """Return how many queries were asked, and those that were refused or found nothing although they should."""
    asked, problems = 0, []
    for board, panel in panels():
        for query in panel.queries:
            asked += 1
            where = f"{board.title}, {panel.title}"
            try:
                found = prometheus.value(plain(query.expression))
            except ValueError as error:
                problems.append(f"{where}: {error}")
                continue
            if not found and not panel.quiet:
                problems.append(f"{where}: no data")
    return asked, problems


def rule_problems(prometheus: Prometheus) -> tuple[int, list[str]]:
    """Return how many rules are evaluated, and those whose evaluation failed."""
    rules = list(_rules(prometheus))
    return len(rules), [f"{name}: {error}" for name, error in rules if error]


def _rules(prometheus: Prometheus) -> Iterator[tuple[str, str]]:
    for group in prometheus.ask("rules")["groups"]:
        for rule in group["rules"]:
            yield rule["name"], rule.get("lastError", "") or ("" if rule["health"] == "ok" else rule["health"])
