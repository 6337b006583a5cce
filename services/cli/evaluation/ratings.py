"""Ratings of a data set: how near to what people will say of an item is what is foretold."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from services.cli.console import note, output
from services.cli.evaluation.item_contents import with_contents
from services.cli.evaluation.measuring import measuring
from services.cli.evaluation.offline import open_dataset, read_log
from services.cli.evaluation.protocol_run import ProtocolRun
from services.cli.evaluation.review_texts import contents_of_reviews, written_first
from services.cli.readers.descriptions import read_descriptions
from services.cli.tables import table


def evaluate_ratings(run: ProtocolRun, *, descriptions: Path | None, share: float, cold_share: float) -> dict[str, Any]:
    """Foretell a ``share`` of the ratings, and those of ``cold_share`` of the items; the figures as JSON has them.

    Raises:
        CliError: The data set or its descriptions cannot be read, or it has too few ratings.
    """
    from services.training.ratings import PROTOCOL, foretell_ratings
    from services.training.steps.fit_config import TrainingConfig

    started = time.monotonic()
    opened = open_dataset(run.dataset, run.format_name)
    read = read_log(opened)
    told = read_descriptions(descriptions, read.items) if descriptions is not None else {}
    if told:
        note(f"{len(told):,} of {read.log.item_count:,} items are described")
    log = with_contents(read.log, {**read.items, **told}, None, run.threads)
    log = replace(log.without_repeats(), repeats=None)
    reviews = written_first(opened, read)
    contents = None
    if any(reviews):
        note(f"{sum(map(bool, reviews)):,} ratings come with a text; those asked for are not read")
        contents = contents_of_reviews(log, reviews, run.threads)
    config = TrainingConfig(seed=run.seed, threads=run.threads)
    with measuring(PROTOCOL, None) as (work, report):
        result = foretell_ratings(log, config, work, report, share, cold_share, contents)
    figures = result.to_json()
    options = {"share": share, "cold-share": cold_share, "descriptions": descriptions}
    return {
        "dataset": read.name,
        "seed": run.seed,
        "users": log.user_count,
        "items": log.item_count,
        **figures,
        "described": sum(bool(content) for content in log.contents or ()),
        "reviews": sum(map(bool, reviews)),
        **run.facts(PROTOCOL, started, figures["seconds"], options),
    }


def print_ratings(result: dict[str, Any]) -> None:
    """Print what `evaluate_ratings` returned."""
    for title, part in (("random ratings", "test"), ("cold items", "cold")):
        rows = [
            [name, *(f"{figures[metric]:.4f} ± {figures[f'{metric}_se']:.4f}" for metric in ("rmse", "mae"))]
            for name, figures in result[part].items()
        ]
        if rows:
            output().print(table([title, "rmse", "mae"], rows))
    counts = result["ratings"]
    output().print(
        f"{result['dataset']}: {counts['all']:,} ratings of {result['users']:,} users and {result['items']:,} items, "
        f"{counts['test']:,} of them asked for, and {counts['cold']:,} of cold items, seed {result['seed']}, "
        f"{result['seconds']['all']:.0f} s",
        markup=False,
    )
