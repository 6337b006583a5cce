"""The Transformer's learning curves: loss and validation NDCG@10 by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from services.cli.evaluation.report_page.plot import INK, OURS, QUIET, plot


def plot_learning(epochs: Sequence[Mapping[str, Any]], best_epoch: int) -> Markup:
    """epochs: "epoch", "loss" and "validation_ndcg" of each, None where there is none."""
    losses = [(facts["epoch"], facts["loss"]) for facts in epochs if facts["loss"] is not None]
    figures = [(facts["epoch"], facts["validation_ndcg"]) for facts in epochs if facts["validation_ndcg"] is not None]
    said = "Learning curves."
    if losses:
        said += f" Loss from {losses[0][1]:.3f} in epoch {losses[0][0]} to {losses[-1][1]:.3f} in {losses[-1][0]}."
    if figures:
        said += f" Validation NDCG at 10 is highest, {max(value for _, value in figures):.4f}, in epoch {best_epoch}."
    with plot("learning", said, 7.6, 2.7) as drawn:
        left, right = drawn.axes(2)
        left.plot(*_columns(losses), color=QUIET, marker="o", markersize=3)
        left.set_title("mean loss (nats)")
        right.plot(*_columns(figures), color=OURS, marker="o")
        right.set_title(f"validation NDCG@10 (kept: epoch {best_epoch})")
        best = dict(figures).get(best_epoch)
        if best is not None:
            right.plot([best_epoch], [best], marker="o", markersize=10, fillstyle="none", color=INK)
            right.margins(y=0.12)
        for axes in (left, right):
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return drawn.svg


def _columns(points: Sequence[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [epoch for epoch, _ in points], [value for _, value in points]
