"""The rules with shorter times, so that a drill takes minutes: every `for`, range and offset is divided by a factor.

Thresholds, among them those that are ages in seconds, stay as they are, and so does the logic. The names of recorded
series keep their windows' old lengths.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tools.monitoring.rules import RULES, read_yaml

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+)(ms|[smhdw])")
_RANGE = re.compile(r"\[((?:\d+(?:ms|[smhdw]))+)\]")
_OFFSET = re.compile(r"\boffset\s+((?:\d+(?:ms|[smhdw]))+)")


def shortened(duration: str, factor: float) -> str:
    """Return a duration of Prometheus divided by the factor, to a millisecond."""
    seconds = sum(int(count) * _SECONDS[unit] for count, unit in _DURATION.findall(duration))
    return f"{max(1, round(1000 * seconds / factor))}ms"


def shortened_expression(expression: str, factor: float) -> str:
    """Return an expression whose ranges and offsets are divided by the factor."""
    ranges = _RANGE.sub(lambda found: f"[{shortened(found[1], factor)}]", expression)
    return _OFFSET.sub(lambda found: f"offset {shortened(found[1], factor)}", ranges)


def shortened_file(content: dict[str, Any], factor: float) -> dict[str, Any]:
    """Return the content of a rules file with shorter times."""
    groups = []
    for group in content["groups"]:
        rules = []
        for rule in group["rules"]:
            changed = rule | {"expr": shortened_expression(rule["expr"], factor)}
            if "for" in rule:
                changed["for"] = shortened(rule["for"], factor)
            rules.append(changed)
        groups.append(group | {"rules": rules})
    return {"groups": groups}


def write_shortened(folder: Path, factor: float) -> None:
    """Write all rules with shorter times into a folder."""
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(RULES.glob("*.yaml")):
        text = yaml.safe_dump(shortened_file(read_yaml(path), factor), sort_keys=False, width=1000)
        (folder / path.name).write_text(text, encoding="utf-8")
