"""What the cascade loses without each of its parts, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from services.cli.evaluation.report_page.plot import GRID, INK, OURS, QUIET, plot


def plot_ablation(rows: Sequence[dict[str, Any]]) -> Markup:
    """rows: "title", "difference" and "error" (NDCG@10 without it less that of the full cascade), "matters"."""
    ordered = sorted(rows, key=lambda row: -row["difference"])
    said = ", ".join(f"{row['title']} {row['difference']:+.4f}" for row in reversed(ordered))
    with plot("ablation", f"Change of NDCG at 10 without each part: {said}", 7.2, 0.7 + 0.3 * len(rows)) as drawn:
        (axes,) = drawn.axes()
        for place, row in enumerate(ordered):
            color = OURS if row["matters"] else QUIET
            axes.barh(
                place,
                row["difference"],
                xerr=2 * row["error"],
                height=0.6,
                color=color,
                alpha=0.85 if row["matters"] else 0.45,
                error_kw={"ecolor": INK, "elinewidth": 1.0, "capsize": 3},
            )
        axes.axvline(0, color=GRID, linewidth=1.2)
        axes.set_yticks(range(len(ordered)), [f"without {row['title']}" for row in ordered])
        axes.grid(visible=False, axis="y")
        axes.margins(y=0.04)
        axes.set_xlabel("change of validation NDCG@10, with two standard errors")
    return drawn.svg
