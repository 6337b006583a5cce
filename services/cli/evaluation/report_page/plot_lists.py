"""NDCG@10 of every list with its standard error, best on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from services.cli.evaluation.report_page.plot import INK, OURS, QUIET, plot


def plot_lists(rows: Sequence[dict[str, Any]]) -> Markup:
    """A point a list. rows: "name", "title", "ours" and "figures" of each list, in any order."""
    ordered = sorted(rows, key=lambda row: row["figures"]["ndcg@10"])
    said = ", ".join(f"{row['title']} {row['figures']['ndcg@10']:.4f}" for row in reversed(ordered))
    with plot("lists", f"NDCG at 10 by list: {said}", 7.2, 0.7 + 0.3 * len(rows)) as drawn:
        (axes,) = drawn.axes()
        for place, row in enumerate(ordered):
            value, error = row["figures"]["ndcg@10"], row["figures"].get("ndcg@10_se", 0.0)
            color = OURS if row["ours"] else QUIET
            axes.plot([0, value], [place, place], color=color, linewidth=1.0, alpha=0.5)
            axes.errorbar(value, place, xerr=2 * error, fmt="o", color=color, capsize=3, markersize=6)
            axes.annotate(
                f"{value:.4f}", (value + 2 * error, place), (6, 0), textcoords="offset points", va="center", color=INK
            )
        axes.set_yticks(range(len(ordered)), [row["title"] for row in ordered])
        axes.grid(visible=False, axis="y")
        axes.set_xlim(left=0)
        axes.margins(x=0.12, y=0.06)
        axes.set_xlabel("NDCG@10 on the test; whiskers are two standard errors")
    return drawn.svg
