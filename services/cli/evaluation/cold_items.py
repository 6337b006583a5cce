"""Cold items of a data set: trains without some of the items, then ranks these for those who met them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from services.cli.console import note, output
from services.cli.evaluation.evaluation import write_predictions
from services.cli.evaluation.item_contents import with_contents
from services.cli.evaluation.measuring import measuring
from services.cli.evaluation.offline import open_dataset, read_log
from services.cli.evaluation.protocol_run import ProtocolRun
from services.cli.readers.descriptions import read_descriptions
from services.cli.tables import table


def evaluate_cold_items(run: ProtocolRun, *, descriptions: Path | None, share: float) -> dict[str, Any]:
    """Train without ``share`` of the items and measure; returns the figures as JSON has them.

    Raises:
        CliError: The data set or its descriptions cannot be read, or too little is known of the items.
    """
    from services.training.cold_items import PROTOCOL, cold_items
    from services.training.steps.fit_config import TrainingConfig

    started = time.monotonic()
    read = read_log(open_dataset(run.dataset, run.format_name))
    texts = read_descriptions(descriptions, read.items) if descriptions is not None else {}
    if texts:
        note(f"{len(texts):,} of {read.log.item_count:,} items are described")
    log = with_contents(read.log, read.items, texts, None, run.threads)
    version = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    with measuring(PROTOCOL, run.keep) as (store, report):
        result = cold_items(log, TrainingConfig(seed=run.seed, threads=run.threads), store, report, share, version)
    if run.predictions is not None:
        write_predictions(run.predictions, read.lists(result.users, result.ranked))
    figures = result.to_json()
    options = {"cold-share": share, "descriptions": descriptions}
    return {
        "dataset": read.name,
        "seed": run.seed,
        "interactions": len(log),
        **figures,
        "cold_item_ids": log.item_ids[result.cold].tolist(),
        "described": sum(bool(content) for content in log.contents or ()),
        "bundle": run.kept(result.manifest.version),
        **run.facts(PROTOCOL, started, figures["seconds"], options),
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
