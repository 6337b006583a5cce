"""Puts the page together: figures in, one HTML document out that asks nothing of any network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from services.cli.evaluation.report_page.ablation_rows import ablation_rows
from services.cli.evaluation.report_page.caveats import caveats
from services.cli.evaluation.report_page.choices import choices, flattened
from services.cli.evaluation.report_page.comparison import (
    best_source,
    comparison_rows,
    final_list,
    measured_lists,
    source_names,
)
from services.cli.evaluation.report_page.glossary import entries_for, hint
from services.cli.evaluation.report_page.heads import heads, other_figures
from services.cli.evaluation.report_page.numbers import FILTERS
from services.cli.evaluation.report_page.plot_ablation import plot_ablation
from services.cli.evaluation.report_page.plot_groups import plot_groups
from services.cli.evaluation.report_page.plot_histories import plot_histories
from services.cli.evaluation.report_page.plot_learning import plot_learning
from services.cli.evaluation.report_page.plot_lists import plot_lists
from services.cli.evaluation.report_page.plot_recall_curves import plot_recall_curves
from services.cli.evaluation.report_page.served import served
from services.cli.evaluation.report_page.titles import title
from services.cli.evaluation.report_page.verdict import judge

_MAIN = ("recall@10", "ndcg@10", "mrr@10", "recall@100", "coverage@10")
_VARIETY = (
    "coverage@10",
    "gini@10",
    "novelty@10",
    "long_tail_share@10",
    "vector_diversity@10",
    "intra_list_diversity@10",
)
_GROUPS = {
    "by_popularity": ("By how often the item sought was taken", "interactions of the item in what was learnt from"),
    "by_history_length": ("By length of the history", "interactions of the user before the test"),
}
_SOURCES_IN_PLOTS = 3
"""Of many lines in one plot nobody sees any: the best sources are drawn, the table has all."""


def render(result: Mapping[str, Any], created: str) -> str:
    """The page.

    Args:
        result: What an offline evaluation found; parts that it lacks are left out of the page.
        created: When, as it shall be read.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS, title=title, hint=hint)
    return environment.get_template("page.html").render(_content(result, created))


def _content(result: Mapping[str, Any], created: str) -> dict[str, Any]:
    rows = comparison_rows(result)
    ours, lists = final_list(result), measured_lists(result)
    training = result.get("training", {})
    shown = [name for name in _VARIETY if any(name in row["figures"] for row in rows)]
    further = [
        name
        for name in lists[ours]
        if name not in {*_MAIN, *shown} and not name.endswith("_se") and isinstance(lists[ours][name], int | float)
    ]
    head_sections = heads(result)
    metrics = [*_MAIN, *shown, *further, *(name for head in head_sections for name, _ in head["figures"])]
    return {
        "result": result,
        "created": created,
        "verdict": judge(result),
        "caveats": caveats(result),
        "ours": ours,
        "best": best_source(result),
        "rows": rows,
        "main": _MAIN,
        "variety": shown,
        "further": [(name, lists[ours][name], lists[ours].get(f"{name}_se")) for name in further],
        "lists_plot": plot_lists(rows),
        "candidates": result["test"].get("candidates", {}),
        "ranked": _ranked(training.get("config", {})),
        "curves_plot": _curves_plot(result, ours),
        "ablation": ablation_rows(result),
        "ablation_plot": plot_ablation(ablation_rows(result)) if ablation_rows(result) else None,
        "epochs": training.get("curve", {}).get("epochs", []),
        "finish": training.get("curve", {}).get("finish", []),
        **_epoch_seconds(result),
        "learning_plot": _learning_plot(training),
        "groups": _groups(result, ours),
        "heads": head_sections,
        "other": other_figures(result),
        "served": served(result),
        "histories_plot": _histories_plot(result),
        "choices": choices(training, result["items"]),
        "settings": flattened(training.get("config", {})),
        "phases": _phases(result.get("seconds", {})),
        "glossary": entries_for(metrics),
    }


def _ranked(config: Mapping[str, Any]) -> int | None:
    """How many candidates the ranker sees."""
    found: int | None = config.get("candidates")
    return found


def _curves_plot(result: Mapping[str, Any], ours: str) -> Any:
    found = result.get("recall_curves")
    if not found:
        return None
    return plot_recall_curves(found["counts"], found["lists"], {name: title(name) for name in found["lists"]}, ours)


def _learning_plot(training: Mapping[str, Any]) -> Any:
    epochs = training.get("curve", {}).get("epochs", [])
    return plot_learning(epochs, training.get("best_epoch", 0)) if epochs else None


def _epoch_seconds(result: Mapping[str, Any]) -> dict[str, list[float]]:
    measured = result.get("seconds", {}).get("training", {})
    return {"epoch_seconds": measured.get("epochs", []), "finish_seconds": measured.get("finish_epochs", [])}


def _histories_plot(result: Mapping[str, Any]) -> Any:
    histogram = result.get("data", {}).get("history_histogram")
    return plot_histories(histogram) if histogram else None


def _groups(result: Mapping[str, Any], ours: str) -> list[dict[str, Any]]:
    """Sections of groups: the plot of the best sources, and a table of all lists."""
    lists = measured_lists(result)
    strongest = sorted(source_names(result), key=lambda name: -lists[name]["ndcg@10"])[:_SOURCES_IN_PLOTS]
    sections = []
    for key, (heading, label) in _GROUPS.items():
        found = result.get("groups", {}).get(key)
        if not found or not found["names"] or ours not in found["lists"]:
            continue
        titles = {name: title(name) for name in found["lists"]}
        drawn = [*(name for name in strongest if name in found["lists"]), ours]
        sections.append(
            {
                "key": key,
                "heading": heading,
                "label": label,
                "found": found,
                "plot": plot_groups(key.replace("_", "-"), found, drawn, titles, ours, label),
            }
        )
    return sections


def _phases(seconds: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Seconds by phase, parts of a phase behind it; those of epochs are with the epochs."""
    parts = [
        (f"fit: {name}{' (of evaluate)' if name == 'ablation' else ''}", value)
        for name, value in seconds.get("training", {}).items()
        if not isinstance(value, list)
    ]
    whole = [(name, value) for name, value in seconds.items() if isinstance(value, int | float)]
    place = next((place for place, (name, _) in enumerate(whole, 1) if name == "fit"), 0)
    return [*whole[:place], *parts, *whole[place:]]
