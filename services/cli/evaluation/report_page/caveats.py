"""What somebody should know before they deploy: where the lists are weak, and what offline figures cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.cli.evaluation.report_page.ablation_rows import ablation_rows
from services.cli.evaluation.report_page.comparison import final_list, measured_lists, source_names
from services.cli.evaluation.report_page.titles import title

_FEW_USERS = 2000
_LEAST_GROUP = 50
_GROUPS = {"by_popularity": "interactions of the item sought", "by_history_length": "interactions of the user"}


def caveats(result: Mapping[str, Any]) -> list[str]:
    """Sentences, those from this evaluation's figures first."""
    return [*_of_figures(result), *_of_groups(result), *_of_parts(result), *_GENERAL]


def _of_figures(result: Mapping[str, Any]) -> Iterator[str]:
    figures = measured_lists(result)[final_list(result)]
    if result["users"] < _FEW_USERS:
        middle, width = figures["ndcg@10"], 2 * figures.get("ndcg@10_se", 0.0)
        yield (
            f"The test has {result['users']:,} users. With as many others NDCG@10 could as well have been anything "
            f"from {max(middle - width, 0):.3f} to {middle + width:.3f}."
        )
    data = result.get("data", {})
    if data.get("unknown_targets", 0) > 0:
        yield (
            f"{100 * data['unknown_targets']:.1f} % of the items sought were never seen in training. Nothing learnt "
            "from interactions can find them; only attributes could."
        )
    if data.get("repeated_targets", 0) > 0:
        yield (
            f"{100 * data['repeated_targets']:.1f} % of the items sought had been taken by the user before. Nothing is "
            "recommended twice here, so none of them can be found."
        )
    if "coverage@10" in figures:
        yield (
            f"{100 * (1 - figures['coverage@10']):.0f} % of the catalogue is in nobody's first ten places"
            f"{_head(figures)}."
        )


def _head(figures: Mapping[str, Any]) -> str:
    share = figures.get("long_tail_share@10")
    return "" if share is None else f", and {100 * (1 - share):.0f} % of what is shown are head items"


def _of_groups(result: Mapping[str, Any]) -> Iterator[str]:
    ours = final_list(result)
    for key, label in _GROUPS.items():
        found = result.get("groups", {}).get(key)
        if not found or ours not in found["lists"]:
            continue
        before = 0
        for place, (group, users) in enumerate(zip(found["names"], found["users"], strict=True)):
            before += users
            # Where only popular items are sought, whoever shows nothing else is ahead: that says nothing.
            popular = key == "by_popularity" and 2 * before > sum(found["users"])
            if users < _LEAST_GROUP or popular:
                continue
            mine = found["lists"][ours]
            for name in source_names(result):
                theirs = found["lists"].get(name)
                if theirs is None:
                    continue
                ahead = theirs["ndcg@10"][place] - mine["ndcg@10"][place]
                error = (theirs["ndcg@10_se"][place] ** 2 + mine["ndcg@10_se"][place] ** 2) ** 0.5
                if ahead > error:
                    yield (
                        f"Where {label} are “{group}” ({users:,} users), {title(name)} alone is ahead: NDCG@10 "
                        f"{theirs['ndcg@10'][place]:.4f} against {mine['ndcg@10'][place]:.4f} (± {error:.4f})."
                    )


def _of_parts(result: Mapping[str, Any]) -> Iterator[str]:
    useless = [row["title"] for row in ablation_rows(result) if not row["matters"] and row["is_source"]]
    if useless:
        yield (
            f"On {result['ablation']['users']:,} validation users, the cascade without {_listed(useless)} is as good "
            "within two standard errors. Sources may stand in for each other, or these be too few users to tell; but "
            "each costs time and memory."
        )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"any one of {', '.join(names[:-1])} or {names[-1]}"


_GENERAL = (
    (
        "Offline figures say what users took when they were shown something else. How they answer to these lists only "
        "serving them tells: an experiment on a share of users, next."
    ),
    (
        "Each user's last interaction is the test, whenever it happened. What other users did later than that is "
        "learnt from: figures of lists served day by day are likely to be lower."
    ),
)
