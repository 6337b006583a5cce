"""The preflight report and the result of an import, for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cli.console import note, output
from services.cli.tables import table


def print_preflight(report: Mapping[str, Any]) -> None:
    """Print what a first reading found, as `Preflight.to_json` returns it."""
    rows = [
        [kind, *(f"{report[kind][count]:,}" for count in ("read", "accepted", "rejected"))]
        for kind in ("items", "events")
    ]
    output().print(table([report["dataset"], "read", "accepted", "rejected"], rows))
    for kind in ("items", "events"):
        for entry in report[kind]["reasons"]:
            lines = ", ".join(map(str, entry["first_lines"]))
            note(f"  {kind} rejected: {entry['count']:,} × {entry['reason']} (first at line {lines})")
    span = f", {report['first_event']} to {report['last_event']}" if report["first_event"] else ""
    output().print(f"{report['users']:,} users, {report['items_with_events']:,} items with events{span}")
    if report["items_without_description"]:
        note(f"{report['items_without_description']:,} items have events but no description: they get an id only")
    if report["held_out"]:
        output().print(f"{report['held_out']:,} events are held out: the last of each user")


def print_result(result: Mapping[str, Any]) -> None:
    """Print what the services made of it, as `import_dataset` returns it."""
    events, items = result["events"], result["items"]
    known = f", {events['already_there']:,} were there already" if events["already_there"] else ""
    output().print(f"{items['accepted']:,} items stored; {events['recorded']:,} events recorded{known}")
    for reason in (*items["reasons"], *events["reasons"]):
        note(f"  refused by the service: {reason['count']:,} × {reason['reason']}")
    if result["holdout_file"]:
        note(f"held out: {result['holdout_file']}")
