"""Every metric of the page: one line on what it says, and its formula."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One metric. name: as in tables, without its K. better: which way is better, "" where neither is."""

    name: str
    says: str
    formula: str
    better: str = "higher"


ENTRIES = (
    Entry("recall", "Share of users who find the item they took next among the first K.", "hits in the first K / 1"),
    Entry(
        "ndcg",
        "As recall, but a hit on a lower place counts less.",
        "1 / log₂(place + 1) of the item, 0 if it is not among the first K; mean over users",
    ),
    Entry(
        "mrr",
        "How far up the item stands.",
        "1 / place of the item, 0 if it is not among the first K; mean over users",
    ),
    Entry("hit_rate", "Share of users with at least one hit; with one item sought it is recall.", "any hit: 1, else 0"),
    Entry("precision", "Share of the K places that are hits; with one item sought at most 1/K.", "hits / K"),
    Entry("f1", "Harmonic mean of precision and recall.", "2 · hits / (K + 1)"),
    Entry("map", "Mean precision at the places of hits; with one item sought it is MRR.", "Σ precision at hits / 1"),
    Entry(
        "coverage",
        "Share of all items that at least one user is shown.",
        "distinct items in the first K of all lists / all items",
    ),
    Entry(
        "gini",
        "How unevenly items are shown: 0 all alike, towards 1 a few have everything.",
        "Σᵢ (2i − N − 1) · xᵢ / (N · Σ x), xᵢ how often item i is shown, ascending",
        "lower",
    ),
    Entry(
        "novelty",
        "How surprising the shown items are, in bits: one more means half as popular.",
        "mean of −log₂((cᵢ + 1) / (C + N)), cᵢ interactions of the item, C of all N items",
        "",
    ),
    Entry(
        "long_tail_share",
        "Share of shown items outside the head.",
        "the head: the fewest items that have 80 % of all interactions",
        "",
    ),
    Entry(
        "vector_diversity",
        "How unlike each other the items of one list are, by the Transformer's item vectors.",
        "mean of 1 − cosine over all pairs of a list; mean over users",
        "",
    ),
    Entry(
        "intra_list_diversity",
        "How unlike each other the items of one list are, by their attributes.",
        "mean of 1 − cosine over all pairs of a list; mean over users",
        "",
    ),
    Entry(
        "standard error (±)",
        "How far a figure moves by the chance of which users are in the test; of a difference, by the same users in "
        "both lists.",
        "standard deviation over users / √users; beyond two of them it is hardly chance",
        "lower",
    ),
    Entry("accuracy", "Share of right yes-or-no answers.", "mean of (probability ≥ ½) = what happened"),
    Entry("auc", "How often a positive is scored above a negative.", "P(s⁺ > s⁻) + ½ P(s⁺ = s⁻); ½ is guessing"),
    Entry(
        "log_loss",
        "How far probabilities are from what happened, in nats.",
        "−mean(y·ln p + (1 − y)·ln(1 − p))",
        "lower",
    ),
    Entry(
        "calibration_error",
        "How far promised probabilities are from shares that happened.",
        "Σ over bins of (share of examples) · |share positive − mean probability|",
        "lower",
    ),
    Entry(
        "root_mean_squared_error",
        "Typical error of a predicted rating, large ones weighing more.",
        "√ mean((wanted − predicted)²)",
        "lower",
    ),
    Entry("mean_squared_error", "Mean squared error of a predicted rating.", "mean((wanted − predicted)²)", "lower"),
    Entry("mean_absolute_error", "Mean absolute error of a predicted rating.", "mean(|wanted − predicted|)", "lower"),
)

_SHORT = {"rmse": "root_mean_squared_error", "mse": "mean_squared_error", "mae": "mean_absolute_error"}
_BY_NAME = {entry.name: entry for entry in ENTRIES}


def hint(metric: str) -> str:
    """Explanation and formula in one line, for a tooltip; empty for a metric that is not known."""
    name = metric.partition("@")[0]
    entry = _BY_NAME.get(_SHORT.get(name, name))
    if entry is None:
        return ""
    better = f" {entry.better.capitalize()} is better." if entry.better else ""
    return f"{entry.says} {entry.formula}.{better}"


def entries_for(metrics: Iterable[str]) -> list[Entry]:
    """The entries of these metrics, and of standard errors, in the order of the glossary."""
    named = {metric.partition("@")[0] for metric in metrics}
    names = {_SHORT.get(name, name) for name in named} | {"standard error (±)"}
    return [entry for entry in ENTRIES if entry.name in names]
