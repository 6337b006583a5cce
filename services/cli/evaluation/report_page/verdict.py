"""The verdict: is what users get better than the simplest and the best alternative? In plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.cli.evaluation.report_page.comparison import (
    Difference,
    Level,
    best_source,
    difference,
    final_list,
    measured_lists,
)
from services.cli.evaluation.report_page.titles import title

_BASELINE = "popularity"
_WORDS: dict[Level, str] = {"better": "better than", "unclear": "not clearly different from", "worse": "worse than"}


@dataclass(frozen=True, slots=True)
class Point:
    """One comparison. text: a sentence."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """level: of the whole. headline, summary: a sentence or two. points: one a comparison."""

    level: Level
    headline: str
    summary: str
    points: list[Point]


def judge(result: Mapping[str, Any]) -> Verdict:
    """Judge by NDCG@10 on the test; a difference counts beyond two standard errors."""
    lists, ours = measured_lists(result), final_list(result)
    best = best_source(result)
    others = [name for name in dict.fromkeys((best, _BASELINE)) if name is not None and name in lists]
    levels = {name: difference(result, name, "ndcg@10").level for name in others}
    level, headline = _headline(title(ours), best, levels)
    figures = lists[ours]
    share, error = 100 * figures["recall@10"], 200 * figures.get("recall@10_se", 0.0)
    summary = (
        f"Of 100 users, {share:.1f} find the item they took next among the first ten "
        f"(between {max(share - error, 0):.1f} and {share + error:.1f}, two standard errors)."
    )
    if others:
        alone = ", ".join(f"{100 * lists[name]['recall@10']:.1f} with {title(name)}" for name in others)
        summary += f" With one source alone it would be {alone}."
    return Verdict(level, headline, summary, [_point(result, ours, name) for name in others])


def _headline(ours: str, best: str | None, levels: Mapping[str, Level]) -> tuple[Level, str]:
    against_baseline = levels.get(_BASELINE, "better")
    if against_baseline != "better":
        return "worse", "No better than showing everybody what is popular: not worth deploying as it is."
    if best is None or best == _BASELINE:
        return "better", f"{ours}: better than showing everybody what is popular."
    if levels[best] == "better":
        return "better", f"{ours}: better than popularity and than every single source. Worth trying on users."
    if levels[best] == "worse":
        return "worse", f"{ours}: worse than its source {title(best)} alone. Not worth deploying as it is."
    return "unclear", f"{ours}: better than popularity, but not clearly better than its source {title(best)} alone."


def _point(result: Mapping[str, Any], ours: str, other: str) -> Point:
    lists = measured_lists(result)
    gain, found = (difference(result, other, metric) for metric in ("ndcg@10", "recall@10"))
    relative = f" ({_relative(gain, lists[other]['ndcg@10'])})" if lists[other]["ndcg@10"] > 0 else ""
    text = (
        f"{title(ours)} is {_WORDS[gain.level]} {title(other)}: NDCG@10 {lists[ours]['ndcg@10']:.4f} against "
        f"{lists[other]['ndcg@10']:.4f}, a difference of {_signed(gain)}{relative}; recall@10 {_signed(found)}."
    )
    return Point(gain.level, text)


def _relative(gain: Difference, base: float) -> str:
    if gain.value > 2 * base:
        return f"{1 + gain.value / base:.1f} times as much"
    return f"{100 * gain.value / base:+.0f}\N{NO-BREAK SPACE}%".replace("-", "\N{MINUS SIGN}")


def _signed(gain: Difference) -> str:
    value = f"{gain.value:+.4f}".replace("-", "\N{MINUS SIGN}")
    return f"{value}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{gain.error:.4f}"
