"""Every alert has a runbook, every runbook an alert, and none of them asks for a series that nobody reports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.monitoring.known_series import known
from tools.monitoring.rules import ROOT, alerts

RUNBOOKS = ROOT / "docs" / "runbooks"
_PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path.name != "README.md")
_METRIC = re.compile(r"\b(?:trommel|grpc_server|nv)_[a-z_]+")
_RECORDED = re.compile(r"\btrommel:[a-z_0-9:]+")
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_PARTS = ("**What it means**", "**Look first**", "**Do**", "**Goes away**")


def _alerts_by_page() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, rule in alerts().items():
        found.setdefault(Path(rule.annotations["runbook_url"]).name, set()).add(name)
    return found


@pytest.mark.parametrize("name", sorted(alerts()))
def test_the_runbook_of_an_alert_is_there_and_names_it(name: str) -> None:
    page = ROOT / alerts()[name].annotations["runbook_url"]
    assert page.parent == RUNBOOKS
    heading = page.read_text("utf-8").splitlines()[0]
    assert heading.startswith("# ")
    assert name in heading.removeprefix("# ").split(", ")


def test_every_page_belongs_to_an_alert() -> None:
    assert {page.name for page in _PAGES} == _alerts_by_page().keys()


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
def test_a_page_is_short_and_complete(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert len(lines) <= 40
    assert [line for line in lines if len(line) > 120] == []
    places = [next((n for n, line in enumerate(lines) if line.startswith(part)), -1) for part in _PARTS]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("page", [*_PAGES, RUNBOOKS / "README.md"], ids=lambda page: page.stem)
def test_a_page_asks_for_series_that_are_reported(page: Path) -> None:
    text, series = page.read_text("utf-8"), known()
    names = set(_METRIC.findall(text)) | set(_RECORDED.findall(text))
    assert sorted(name for name in names if name not in series and f"{name}_bucket" not in series) == []


@pytest.mark.parametrize("page", [*_PAGES, RUNBOOKS / "README.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    links = _LINK.findall(page.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).is_file()] == []


def test_the_table_has_every_alert_with_its_severity_and_page() -> None:
    table = (RUNBOOKS / "README.md").read_text("utf-8")
    missing = [
        name
        for name, rule in alerts().items()
        if not re.search(
            rf"^\| {name} \| {rule.labels['severity']} \| .+ \| .*\({Path(rule.annotations['runbook_url']).name}\)",
            table,
            re.MULTILINE,
        )
    ]
    assert missing == []
