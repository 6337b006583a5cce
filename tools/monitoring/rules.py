"""The rules in monitoring/prometheus/rules, read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "monitoring" / "prometheus"
RULES = PROMETHEUS / "rules"
RULE_TESTS = PROMETHEUS / "tests"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule; `alert` is empty for what is recorded, `record` for an alert."""

    file: str
    record: str
    alert: str
    expression: str
    labels: dict[str, str]
    annotations: dict[str, str]


def read_rules(folder: Path = RULES) -> list[Rule]:
    """Return all rules of all files."""
    return [
        Rule(
            path.name,
            rule.get("record", ""),
            rule.get("alert", ""),
            rule["expr"],
            rule.get("labels") or {},
            rule.get("annotations") or {},
        )
        for path in sorted(folder.glob("*.yaml"))
        for group in read_yaml(path)["groups"]
        for rule in group["rules"]
    ]


def alerts() -> dict[str, Rule]:
    """Return the alerts by name."""
    return {rule.alert: rule for rule in read_rules() if rule.alert}


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds."""
    import yaml

    return yaml.safe_load(path.read_text(encoding="utf-8"))
