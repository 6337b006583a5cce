"""A metric by group of users: the list that the page is about, the best others, and how many users there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from services.cli.evaluation.report_page.plot import GRID, MARKERS, OURS, SERIES, plot

_LEAST_USERS = 50
_STEP = 0.07


def plot_groups(
    name: str, found: Mapping[str, Any], shown: Sequence[str], titles: Mapping[str, str], ours: str, label: str
) -> Markup:
    """Draw recall@10 and NDCG@10 by group.

    Args:
        name: Of the plot.
        found: "names", "users" and "lists" of the groups, as evaluations give them; drawn are those of 50 users.
        shown: Names of the lists to draw.
        titles: What the lists are called.
        ours: The list that the page is about.
        label: What the groups are groups by.
    """
    # A handful of users would stretch the axes with nothing but chance.
    large = [place for place, count in enumerate(found["users"]) if count >= _LEAST_USERS]
    drawn_groups = large or list(range(len(found["users"])))
    groups, users = ([found[key][place] for place in drawn_groups] for key in ("names", "users"))
    values = ", ".join(
        f"{group} {found['lists'][ours]['recall@10'][place]:.3f}"
        for group, place in zip(groups, drawn_groups, strict=True)
    )
    with plot(name, f"Recall at 10 of {titles[ours]} by {label}: {values}", 7.6, 3.3) as drawn:
        for axes, metric in zip(drawn.axes(2), ("recall@10", "ndcg@10"), strict=True):
            behind = axes.twinx()
            behind.bar(range(len(groups)), users, color=GRID, width=0.8, alpha=0.45)
            behind.set_axis_off()
            behind.set_ylim(0, 2.5 * max(users))
            axes.set_zorder(behind.get_zorder() + 1)
            place = 0
            for order, list_name in enumerate(shown):
                of_list = found["lists"][list_name]
                means, errors = (
                    [of_list[key][place_of] for place_of in drawn_groups] for key in (metric, f"{metric}_se")
                )
                # Side by side, so that no whisker hides another.
                places = [group + _STEP * (order - (len(shown) - 1) / 2) for group in range(len(groups))]
                if list_name == ours:
                    look: dict[str, Any] = {"color": OURS, "marker": "o", "linewidth": 2.2, "zorder": 3}
                else:
                    look = {"color": SERIES[place], "marker": MARKERS[place], "linewidth": 1.1, "elinewidth": 0.6}
                    place = (place + 1) % len(SERIES)
                axes.errorbar(
                    places, means, yerr=[2 * error for error in errors], capsize=2, label=titles[list_name], **look
                )
            axes.set_xticks(range(len(groups)), groups, rotation=35 if len(groups) > 5 else 0, ha=_side(groups))
            axes.set_ylim(bottom=0)
            axes.set_title("Recall@10" if metric == "recall@10" else "NDCG@10")
            axes.set_xlabel(label)
        drawn.figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return drawn.svg


def _side(groups: Sequence[str]) -> str:
    return "right" if len(groups) > 5 else "center"
