"""The figures of an evaluation as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cli.console import note, output
from services.cli.evaluation.served_report import print_served
from services.cli.tables import table

_NAMES = ("recall@10", "ndcg@10", "recall@100", "mrr@100", "coverage@10")


_OFFLINE_NAMES = ("recall@10", "ndcg@10", "mrr@10", "recall@100", "coverage@10")


def print_offline(result: Mapping[str, Any]) -> None:
    """Print what `evaluate_offline` returned."""
    rows = [
        [who, *(_with_error(figures, name) for name in _OFFLINE_NAMES)]
        for who, figures in result["test"].items()
        if "recall@10" in figures
    ]
    output().print(table(["test", *_OFFLINE_NAMES], rows))
    if "served" in result:
        print_served(result["served"])
    candidates = result["test"]["candidates"]
    found = ", ".join(f"{name} {candidates[name]:.4f}" for name in ("recall@100", "recall@300", "recall@500"))
    output().print(f"candidates of all sources: {found}")
    if result.get("ablation"):
        _print_ablation(result["ablation"])
    output().print(
        f"{result['dataset']}: {result['users']:,} users, {result['items']:,} items, seed {result['seed']}, "
        f"best of {result['training']['epochs']} epochs {result['training']['best_epoch']}, "
        f"{result['seconds']['all']:.0f} s",
        markup=False,
    )


def _print_ablation(found: Mapping[str, Any]) -> None:
    """Validation NDCG@10 alone and without each part, and what the cascade loses, with the error of that."""
    rows = []
    for part, without in found["without"].items():
        alone = found["alone"].get(part, found["logit"] if part == "transformer" else {})
        rows.append([part, _figure(alone, "ndcg@10"), _figure(without, "ndcg@10"), _change(without)])
    output().print(table(["validation ndcg@10", "alone", "without it", "change"], rows))
    full = found["full"]
    output().print(f"full cascade: {_with_error(full, 'ndcg@10')} on {found['users']:,} validation users")


def _change(figures: Mapping[str, Any]) -> str:
    difference = figures["difference"]
    return f"{difference['ndcg@10']:+.4f} ± {difference['ndcg@10_se']:.4f}"


def _figure(figures: Mapping[str, Any], name: str) -> str:
    return f"{figures[name]:.4f}" if name in figures else ""


def _with_error(figures: Mapping[str, Any], name: str) -> str:
    error = f" ± {figures[f'{name}_se']:.4f}" if f"{name}_se" in figures else ""
    return f"{_figure(figures, name)}{error}"


def print_evaluation(result: Mapping[str, Any]) -> None:
    """Print what `evaluate_served` returned."""
    rows = []
    for who in ("served", "popularity"):
        figures = result[who]
        errors = [f" ± {figures[f'{name}_se']:.4f}" if f"{name}_se" in figures else "" for name in _NAMES]
        rows.append([who, *(f"{figures[name]:.4f}{error}" for name, error in zip(_NAMES, errors, strict=True))])
    output().print(table(["", *_NAMES], rows))
    bundles = ", ".join(version or "none" for version in result["bundle_versions"])
    output().print(
        f"{result['users']:,} users, {result['items']:,} items, bundle {bundles}; "
        f"{result['degraded_answers']} degraded, {result['failed_calls']} failed, {result['leaked_events']} leaked"
    )
    for reason, count in result["degraded_reasons"].items():
        note(f"degraded {count} times: {reason}")
