"""Cold items of a data set: trains without some of the items, then ranks these for those who met them."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Any

from services.cli.cli_error import CliError
from services.cli.console import note, output
from services.cli.evaluation.evaluation import write_predictions
from services.cli.evaluation.item_contents import with_contents
from services.cli.evaluation.offline import open_dataset, read_log, scratch_store, words_of
from services.cli.evaluation.versions import versions
from services.cli.progress import progress
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
    from services.training.leave_one_out import LeakError
    from services.training.steps.bundle import DatasetError
    from services.training.steps.fit_config import TrainingConfig

    started = time.monotonic()
    read = read_log(open_dataset(dataset, format_name))
    texts = read_descriptions(descriptions, read.items) if descriptions is not None else {}
    if texts:
        note(f"{len(texts):,} of {read.log.item_count:,} items are described")
    log = with_contents(read.log, read.items, texts, None, threads)
    version = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    try:
        with scratch_store(keep) as store, progress(PROTOCOL, total=1.0) as shown:
            result = cold_items(
                log,
                TrainingConfig(seed=seed, threads=threads),
                store,
                lambda now: shown.update(*words_of(now)),
                share,
                version,
            )
    except (LeakError, DatasetError) as error:
        raise CliError(str(error)) from error
    if predictions is not None:
        write_predictions(predictions, read.lists(result.users, result.ranked))
    command = ["trommel", "evaluate", dataset, "--protocol", PROTOCOL, "--seed", str(seed), "--threads", str(threads)]
    command += ["--cold-share", str(share)]
    command += ["--descriptions", str(descriptions)] if descriptions is not None else []
    figures = result.to_json()
    seconds = {**figures.pop("seconds"), "all": round(time.monotonic() - started, 1)}
    return {
        "dataset": read.name,
        "seed": seed,
        "interactions": len(log),
        **figures,
        "cold_item_ids": log.item_ids[result.cold].tolist(),
        "described": sum(bool(content) for content in log.contents or ()),
        "bundle": str(keep / result.manifest.version) if keep else None,
        "command": shlex.join(command),
        "versions": versions(),
        "seconds": seconds,
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
