"""promtool, of Debian's package `prometheus`: it checks rules, tests them, and judges names of metrics."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tools.monitoring.rules import PROMETHEUS, RULE_TESTS, RULES

MISSING = "promtool is not installed: apt-get install prometheus"


def find_promtool() -> str | None:
    """Return promtool's path, or None where it is not installed."""
    return shutil.which("promtool")


def check_rules() -> list[str]:
    """Return what `promtool check rules` and `check config` find wrong."""
    files = map(str, sorted(RULES.glob("*.yaml")))
    return _run(["check", "rules", *files]) + _run(["check", "config", str(PROMETHEUS / "prometheus.yaml")])


def run_rule_tests(files: Iterable[Path] = ()) -> list[str]:
    """Return what `promtool test rules` finds wrong, of all tests by default."""
    return _run(["test", "rules", *map(str, files or sorted(RULE_TESTS.glob("*.yaml")))])


def check_page(service: str, text: str) -> list[str]:
    """Return what `promtool check metrics` finds wrong with a metrics page."""
    return [f"{service}: {line}" for line in _run(["check", "metrics"], text)]


def declared_page(service: str) -> str:
    """Return the page of a service with one sample of each metric, in a process of its own: labels leave traces."""
    program = (
        "import sys; from prometheus_client import CollectorRegistry, generate_latest\n"
        "from services.plumbing.metrics import REPORTED\n"
        "registry = CollectorRegistry()\n"
        "for metric in REPORTED[sys.argv[1]]:\n"
        "    registry.register(metric)\n"
        "    metric._labelnames and metric.labels(*('x' for _ in metric._labelnames))\n"
        "sys.stdout.write(generate_latest(registry).decode())\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, service], capture_output=True, text=True, check=True, cwd=RULES.parents[2]
    ).stdout


def _run(arguments: list[str], standard_input: str | None = None) -> list[str]:
    promtool = find_promtool()
    if promtool is None:
        return [MISSING]
    done = subprocess.run(
        [promtool, *arguments], input=standard_input, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode == 0:
        return []
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip() and "SUCCESS" not in line]
    return said or [f"promtool {' '.join(arguments[:2])} ended with {done.returncode}"]
