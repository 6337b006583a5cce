"""Rules and dashboards ask only for what is reported, and the checks can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.monitoring import checks
from tools.monitoring.rules import Rule, read_rules


def test_nothing_is_wrong() -> None:
    assert checks.unknown_series() == []
    assert checks.outdated_files() == []
    assert len([rule for rule in read_rules() if rule.alert]) > 40


def test_a_series_that_nobody_reports_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Rule("x.yaml", "", "Wrong", 'rate(trommel_no_such_total{job="trommel"}[5m]) > 0', {}, {})
    monkeypatch.setattr(checks, "read_rules", lambda: [wrong])
    assert checks.unknown_series() == ["x.yaml, Wrong: there is no trommel_no_such_total"]
    told = "\n".join(checks.incomplete_alerts())
    assert "severity" in told
    assert "no summary" in told
    assert "runbook (none)" in told


def test_a_dashboard_that_was_edited_by_hand_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checks, "FOLDER", tmp_path)
    assert checks.outdated_files() == ["dashboards: run python -m tools.monitoring.dashboards"]
