"""What came of serving the same lists, where that was tried: are they the same, and how fast did they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cli.evaluation.report_page.comparison import is_list


def served(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """By "rows" the figures of lists by title, by "facts" whatever else is plain; None where nothing was served."""
    found = result.get("served")
    if not isinstance(found, Mapping):
        return None
    rows = {"Served": found, "Offline, same users": found.get("offline")}
    lists: dict[str, Mapping[str, Any]] = {
        name: figures for name, figures in rows.items() if figures is not None and is_list(figures)
    }
    in_lists = {name for figures in lists.values() for name in figures if "@" in name and "agreement" not in name}
    facts = [
        (name, value)
        for name, value in found.items()
        if name not in in_lists and isinstance(value, int | float | str | bool)
    ]
    return {"rows": lists, "facts": facts}
