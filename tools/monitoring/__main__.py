"""`python -m tools.monitoring`: checks rules, dashboards and metrics; ends with 1 where something is wrong.

The part that promtool does needs Debian's package `prometheus`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from services.plumbing.metrics import REPORTED
from tools.monitoring.checks import incomplete_alerts, outdated_files, unknown_series
from tools.monitoring.promtool import check_page, check_rules, declared_page, run_rule_tests


def page_problems() -> list[str]:
    """What `promtool check metrics` finds wrong with the page of any service."""
    return [line for service in REPORTED for line in check_page(service, declared_page(service))]


CHECKS: tuple[tuple[str, Callable[[], list[str]]], ...] = (
    ("every alert has a severity, words and a runbook", incomplete_alerts),
    ("every series in rules and dashboards is reported", unknown_series),
    ("files written from code are current", outdated_files),
    ("promtool check rules, check config", check_rules),
    ("promtool check metrics", page_problems),
    ("promtool test rules", run_rule_tests),
)


def main() -> int:
    """Run all checks; print one line each, and what is wrong."""
    failed = False
    for name, check in CHECKS:
        problems = check()
        failed = failed or bool(problems)
        print(f"{'wrong' if problems else 'ok   '}  {name}", *problems, sep="\n         ", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
