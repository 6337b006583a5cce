"""How long users' histories are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from services.cli.evaluation.report_page.plot import QUIET, plot


def plot_histories(histogram: Sequence[Mapping[str, int]]) -> Markup:
    """histogram: rows {"from", "to", "users"}."""
    names = [
        str(row["from"]) if row["from"] == row["to"] else f"{row['from']}\N{EN DASH}{row['to']}" for row in histogram
    ]
    said = ", ".join(f"{name} {row['users']:,}" for name, row in zip(names, histogram, strict=True))
    with plot("histories", f"Users by number of interactions: {said}", 7.2, 2.3) as drawn:
        (axes,) = drawn.axes()
        bars = axes.bar(range(len(names)), [row["users"] for row in histogram], color=QUIET, alpha=0.6, width=0.8)
        axes.bar_label(bars, [f"{row['users']:,}" for row in histogram], padding=2)
        axes.set_xticks(range(len(names)), names)
        axes.grid(visible=False)
        axes.set_yticks([])
        axes.margins(y=0.15)
        axes.set_xlabel("interactions of a user")
    return drawn.svg
