"""Cold items of a data set: trains without some of the items, then ranks these for those who met them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from services.cli.console import note, output
from services.cli.evaluation.evaluation import write_predictions
from services.cli.evaluation.item_contents import with_contents
from services.cli.evaluation.measuring import how_it_was_run, measuring
from services.cli.evaluation.offline import open_dataset, read_log
from services.cli.readers.descriptions import read_descriptions
from services.cli.tables import table


def evaluate_cold_items(
    dataset: str,
    format_name: str | None,
    seed: int,
    threads: int,
    predictions: Path | None,
    keep: Path | None,
    *,
    descriptions: Path | None,
    share: float,
) -> dict[str, Any]:
    """Train without ``share`` of the items and measure; returns the figures as JSON has them.

    Raises:
        CliError: The data set or its descriptions cannot be read, or too little is known of the items.
    """
    from services.training.cold_items import PROTOCOL, cold_items
    from services.training.steps.fit_config import TrainingConfig

    started = time.monotonic()
    read = read_log(open_dataset(dataset, format_name))
    texts = read_descriptions(descriptions, read.items) if descriptions is not None else {}
    if texts:
        note(f"{len(texts):,} of {read.log.item_count:,} items are described")
    log = with_contents(read.log, read.items, texts, None, threads)
    version = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    with measuring(PROTOCOL, keep) as (store, report):
        result = cold_items(log, TrainingConfig(seed=seed, threads=threads), store, report, share, version)
    if predictions is not None:
        write_predictions(predictions, read.lists(result.users, result.ranked))
    figures = result.to_json()
    options = {
        "protocol": PROTOCOL,
        "format": format_name,
        "seed": seed,
        "threads": threads,
        "cold-share": share,
        "descriptions": descriptions,
    }
    return {
        "dataset": read.name,
        "seed": seed,
        "interactions": len(log),
        **figures,
        "cold_item_ids": log.item_ids[result.cold].tolist(),
        "described": sum(bool(content) for content in log.contents or ()),
        "bundle": str(keep / result.manifest.version) if keep else None,
        **how_it_was_run(started, figures["seconds"], dataset, options),
    }


def print_cold_items(result: dict[str, Any]) -> None:
    """Print what `evaluate_cold_items` returned."""
    rows = [
        [name, *(f"{figures[metric]:.4f} ± {figures[f'{metric}_se']:.4f}" for metric in ("ndcg@10", "recall@10"))]
        for name, figures in result["test"].items()
    ]
    output().print(table(["cold items", "ndcg@10", "recall@10"], rows))
    ranker, neighbours = result["test"]["ranker"], result["test"].get("content_knn")
    if neighbours and neighbours["ndcg@10"] > 0:
        times = ranker["ndcg@10"] / neighbours["ndcg@10"]
        output().print(f"ranker: {times:.2f} times the content neighbours' NDCG@10", markup=False)
    output().print(
        f"{result['dataset']}: {result['cold_items']:,} cold items, {result['users']:,} users who met them, "
        f"{result['items']:,} items trained on, seed {result['seed']}, {result['seconds']['all']:.0f} s",
        markup=False,
    )
