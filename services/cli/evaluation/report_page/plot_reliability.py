"""What a head promised against what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from services.cli.evaluation.report_page.plot import OURS, QUIET, plot


def plot_reliability(name: str, bins: Sequence[Mapping[str, Any]]) -> Markup:
    """bins: "mean_probability", "share_positive" and "count" of each."""
    promised = [row["mean_probability"] for row in bins]
    happened = [row["share_positive"] for row in bins]
    said = ", ".join(f"{p:.2f} promised, {h:.2f} happened" for p, h in zip(promised, happened, strict=True))
    highest = max([*promised, *happened, 0.01])
    with plot(f"reliability-{name}", f"Reliability: {said}", 3.4, 3.1) as drawn:
        (axes,) = drawn.axes()
        axes.plot([0, highest], [0, highest], color=QUIET, linestyle="--", linewidth=1)
        axes.plot(promised, happened, color=OURS, marker="o")
        axes.set_xlabel("probability promised")
        axes.set_ylabel("share that happened")
    return drawn.svg
