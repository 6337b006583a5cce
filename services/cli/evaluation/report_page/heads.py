"""Figures of the model's heads, and whatever else an evaluation measured that is no list of items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cli.evaluation.report_page.comparison import measured_lists
from services.cli.evaluation.report_page.plot_reliability import plot_reliability

_SHOWN_ELSEWHERE = {"candidates"}
_BINS = {"mean_probability", "share_positive", "count"}


def heads(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A section a head: "name", "figures" (name, number) and "reliability" rows with their "plot"."""
    found = result.get("heads") or result["test"].get("heads") or {}
    if any(_is_number(value) for value in found.values()):
        found = {"engage": found}
    sections: list[dict[str, Any]] = []
    for name, figures in found.items():
        if not isinstance(figures, Mapping):
            continue
        bins = [row for row in figures.get("reliability", ()) if isinstance(row, Mapping)]
        complete = bool(bins) and all(row.keys() >= _BINS for row in bins)
        sections.append(
            {
                "name": name,
                "figures": [(metric, value) for metric, value in figures.items() if _is_number(value)],
                "reliability": bins if complete else [],
                "plot": plot_reliability(f"head-{len(sections)}", bins) if complete else None,
            }
        )
    return sections


def other_figures(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tables of names and numbers that have no place of their own in the page, so that none is left out."""
    return [
        {
            "name": name.replace("_", " "),
            "figures": [(key, value) for key, value in figures.items() if _is_plain(value)],
        }
        for name, figures in result["test"].items()
        if isinstance(figures, Mapping)
        and name not in measured_lists(result)
        and name not in _SHOWN_ELSEWHERE
        and name != "heads"
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float | str | bool)
