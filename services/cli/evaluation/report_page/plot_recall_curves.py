"""Recall by how many places of a list are looked at, candidate stage and all lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from services.cli.evaluation.report_page.plot import INK, MARKERS, OURS, SERIES, plot


def plot_recall_curves(
    counts: Sequence[int], lists: Mapping[str, Sequence[float]], titles: Mapping[str, str], ours: str
) -> Markup:
    """lists: recall at the first ``counts`` by name, as far as each list goes. titles: what the lists are called."""
    ends = ", ".join(f"{titles[name]} {values[-1]:.3f} at {counts[len(values) - 1]}" for name, values in lists.items())
    with plot("recall-curves", f"Recall by list length: {ends}", 7.2, 3.6) as drawn:
        (axes,) = drawn.axes()
        place = 0
        for name, values in lists.items():
            shown = counts[: len(values)]
            if name == ours:
                axes.plot(shown, values, color=OURS, marker="o", linewidth=2.4, label=titles[name], zorder=3)
            elif name == "candidates":
                axes.plot(shown, values, color=INK, linestyle="--", marker=".", label=titles[name])
            else:
                look = place % len(SERIES)
                axes.plot(shown, values, color=SERIES[look], marker=MARKERS[look], label=titles[name], linewidth=1.2)
                place += 1
        axes.set_xscale("log")
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel("places looked at")
        axes.set_ylabel("recall")
        drawn.figure.legend(loc="outside right upper")
    return drawn.svg
