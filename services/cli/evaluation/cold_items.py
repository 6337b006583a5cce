"""Cold items of a data set: trains without some of the items, then ranks these for those who met them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.console import note, output
from services.cli.evaluation.evaluation import write_predictions
from services.cli.evaluation.item_contents import with_contents
from services.cli.evaluation.measuring import measuring
from services.cli.evaluation.offline import ReadLog, open_dataset, read_log
from services.cli.evaluation.protocol_options import TextTuning
from services.cli.evaluation.protocol_run import ProtocolRun
from services.cli.evaluation.review_texts import contents_of_reviews, told_by_reviews, written_first
from services.cli.readers.descriptions import read_descriptions
from services.cli.readers.records import Dataset
from services.cli.tables import table

if TYPE_CHECKING:
    from services.training.readable_contents import Contents
    from services.training.steps.examples import InteractionLog


def evaluate_cold_items(
    run: ProtocolRun, *, descriptions: Path | None, share: float, tuning: TextTuning
) -> dict[str, Any]:
    """Train without ``share`` of the items and measure; returns the figures as JSON has them.

    Raises:
        CliError: The data set or its descriptions cannot be read, or too little is known of the items.
    """
    from services.training.cold_items import PROTOCOL, cold_items
    from services.training.steps.fit_config import TextTuningConfig, TrainingConfig

    started = time.monotonic()
    opened = open_dataset(run.dataset, run.format_name)
    read = read_log(opened)
    told = read_descriptions(descriptions, read.items) if descriptions is not None else {}
    if told:
        note(f"{len(told):,} of {read.log.item_count:,} items are described")
    log = with_contents(read.log, {**read.items, **told}, None, run.threads)
    contents = _of_reviews(log, opened, read, run.threads)
    version = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    with measuring(PROTOCOL, run.keep) as (store, report):
        tuned = TextTuningConfig(epochs=tuning.epochs, tasks=tuning.tasks)
        config = TrainingConfig(seed=run.seed, threads=run.threads, text_tuning=tuned)
        result = cold_items(log, config, store, report, share, version, contents)
    if tuning.epochs and result.manifest.training["text_tuning"] is None:
        note("too few of the items say anything: the text encoder was not fine-tuned")
    if run.predictions is not None:
        write_predictions(run.predictions, read.lists(result.users, result.ranked))
    figures = result.to_json()
    options = {"cold-share": share, "descriptions": descriptions, **tuning.options()}
    return {
        "dataset": read.name,
        "seed": run.seed,
        "interactions": len(log),
        **figures,
        "cold_item_ids": log.item_ids[result.cold].tolist(),
        "described": result.described,
        "reviews": contents is not None,
        "text_tuning": result.manifest.training["text_tuning"],
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
    tuned = result["text_tuning"]
    if tuned is not None:
        tasks = f" and {', '.join(tuned['tasks'])}" if tuned["tasks"] else ""
        outcome = "read by the content map" if tuned["kept"] else "of no use on validation, left out"
        output().print(f"text encoder: fine-tuned on who takes what{tasks}, {outcome}", markup=False)
    output().print(
        f"{result['dataset']}: {result['cold_items']:,} cold items, {result['users']:,} users who met them, "
        f"{result['items']:,} items trained on, seed {result['seed']}, {result['seconds']['all']:.0f} s",
        markup=False,
    )


def _of_reviews(log: InteractionLog, dataset: Dataset, read: ReadLog, threads: int) -> Contents | None:
    """Contents by what was written of the items; None where all say something themselves, or nothing was written."""
    from services.core.text_encoder_files import TEXT

    if all(TEXT in content.vectors for content in (log.contents or ())[1:]):
        return None
    reviews = written_first(dataset, read)
    if not any(reviews):
        return None
    note(f"{sum(map(bool, reviews)):,} events come with a text; who is asked for cold items is not read about these")
    return told_by_reviews(contents_of_reviews(log.without_repeats(), reviews, threads))
