"""The lists of an evaluation side by side, and by how much the one that users get is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.cli.evaluation.report_page.titles import title

Level = Literal["better", "unclear", "worse"]

_CLEAR = 2.0
"""Standard errors beyond which a difference is called one."""

_NO_SOURCES = {"candidates", "ranker", "slate"}


@dataclass(frozen=True, slots=True)
class Difference:
    """Of one metric, ours less theirs."""

    value: float
    error: float

    @property
    def level(self) -> Level:
        """Whether it is more than chance: beyond two standard errors."""
        if abs(self.value) <= _CLEAR * self.error or self.value == 0:
            return "unclear"
        return "better" if self.value > 0 else "worse"


def measured_lists(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Figures of every list of recommended items by its name, in the order of the evaluation."""
    return {name: figures for name, figures in result["test"].items() if is_list(figures)}


def final_list(result: Mapping[str, Any]) -> str:
    """The name of what users get: the final slate where it was measured, else the ranker's list."""
    return "slate" if "slate" in measured_lists(result) else "ranker"


def source_names(result: Mapping[str, Any]) -> list[str]:
    """Names of the lists that are one source's."""
    return [name for name in measured_lists(result) if name not in _NO_SOURCES]


def best_source(result: Mapping[str, Any]) -> str | None:
    """The source that is best on the test itself: the hardest one to beat."""
    lists = measured_lists(result)
    return max(source_names(result), key=lambda name: float(lists[name]["ndcg@10"]), default=None)


def difference(result: Mapping[str, Any], other: str, metric: str) -> Difference:
    """Of what users get to another list: paired by user where the evaluation has that, else as if independent."""
    ours = final_list(result)
    paired = result.get("differences", {})
    if paired.get("of") == ours and other in paired["against"]:
        figures = paired["against"][other]
        return Difference(figures[metric], figures[f"{metric}_se"])
    lists = measured_lists(result)
    errors = [lists[name].get(f"{metric}_se", 0.0) for name in (ours, other)]
    return Difference(lists[ours][metric] - lists[other][metric], float(sum(e * e for e in errors) ** 0.5))


def comparison_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a list: its name, title, figures, whether it is ours, and ours less it."""
    ours = final_list(result)
    return [
        {
            "name": name,
            "title": title(name),
            "figures": figures,
            "ours": name == ours,
            "difference": difference(result, name, "ndcg@10") if name in source_names(result) else None,
        }
        for name, figures in measured_lists(result).items()
    ]


def is_list(figures: Any) -> bool:
    """Whether these are the figures of a list of recommended items."""
    return isinstance(figures, Mapping) and "recall@10" in figures and "ndcg@10" in figures
