"""What a dashboard is made of, and its JSON: rows of panels, each with its queries and what it says in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_SCHEMA_VERSION = 39
"""Grafana 11; later ones migrate it by themselves."""
_COLUMNS = 24
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """An expression of PromQL; `legend` names its lines, {{label}} in it stands for a label's value."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: What is seen.
        queries: What is asked.
        says: What a reader should know of it.
        unit: Grafana's word for the unit: s, bytes, percentunit, reqps, short, …
        kind: timeseries, stat or table.
        width: Of 24 columns.
        height: In rows of Grafana's grid.
        limits: (value, colour) from which the value looks so; the first one from nothing on.
        quiet: It shows nothing until something happens, a failure, say: no data is well.
        stacked: Lines lie on each other.
    """

    title: str
    queries: Sequence[Query]
    says: str
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 7
    limits: Sequence[tuple[float | None, str]] = ()
    quiet: bool = False
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A headline and the panels below it."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard; `uid` is its address and the name of its file."""

    uid: str
    title: str
    says: str
    rows: Sequence[Row]
    variables: Sequence[dict[str, Any]] = field(default_factory=tuple)


def dashboard_json(dashboard: Dashboard) -> dict[str, Any]:
    """Return the dashboard as Grafana stores it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.says,
        "tags": ["trommel"],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "links": [{"type": "dashboards", "tags": ["trommel"], "title": "Trommel", "asDropdown": True}],
        "annotations": {"list": [_alert_annotation()]},
        "templating": {"list": [_datasource_variable(), *dashboard.variables]},
        "panels": _placed(dashboard.rows),
    }


def label_variable(name: str, title: str, metric: str, label: str) -> dict[str, Any]:
    """Return a variable with the values of a label; all of them are chosen at first."""
    query = f"label_values({metric}, {label})"
    return {
        "name": name,
        "label": title,
        "type": "query",
        "datasource": _DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "variable"},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "sort": 1,
    }


def _datasource_variable() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1}


def _alert_annotation() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": _DATASOURCE,
        "enable": True,
        "expr": 'ALERTS{alertname!="DeadMansSwitch",alertstate="firing"}',
        "iconColor": "red",
        "titleFormat": "{{alertname}}",
    }


def _placed(rows: Sequence[Row]) -> list[dict[str, Any]]:
    placed: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        place = {"x": 0, "y": top, "w": _COLUMNS, "h": 1}
        placed.append(
            {
                "id": len(placed) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": place,
                "panels": [],
            }
        )
        top, left, tallest = top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > _COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            placed.append({"id": len(placed) + 1, "gridPos": place, **_panel_json(panel)})
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest
    return placed


def _panel_json(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "custom": {}}
    if panel.limits:
        steps = [{"value": value, "color": colour} for value, colour in panel.limits]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    if panel.quiet:
        defaults["noValue"] = "none"
    options: dict[str, Any] = {}
    if panel.kind == "timeseries":
        defaults["custom"] = {"fillOpacity": 30 if panel.stacked else 5, "showPoints": "never", "lineWidth": 1}
        defaults["custom"]["stacking"] = {"mode": "normal" if panel.stacked else "none", "group": "A"}
        if panel.limits:
            defaults["custom"]["thresholdsStyle"] = {"mode": "dashed"}
        options = {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    elif panel.kind == "stat":
        reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        options = {"reduceOptions": reduced, "colorMode": "value", "graphMode": "area", "textMode": "auto"}
    else:
        options = {"showHeader": True}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [_target(number, query, panel.kind) for number, query in enumerate(panel.queries)],
    }


def _target(number: int, query: Query, kind: str) -> dict[str, Any]:
    instant = kind == "table"
    return {
        "refId": chr(ord("A") + number),
        "datasource": _DATASOURCE,
        "editorMode": "code",
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
        "instant": instant,
        "range": not instant,
        "format": "table" if instant else "time_series",
    }
