"""Transfer between two data sets: what the second gets from its texts and from the first."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.console import note, output
from services.cli.evaluation.evaluation import write_predictions
from services.cli.evaluation.item_contents import with_contents
from services.cli.evaluation.measuring import measuring
from services.cli.evaluation.offline import ReadLog, open_dataset, read_log
from services.cli.evaluation.protocol_run import ProtocolRun
from services.cli.evaluation.review_texts import contents_of_reviews, told_by_reviews, written_first
from services.cli.readers.descriptions import read_descriptions
from services.cli.readers.records import Dataset
from services.cli.tables import table

if TYPE_CHECKING:
    from services.training.steps.examples import InteractionLog

_WORDS = {
    "random": "random",
    "popular": "popular among the few events",
    "zero_shot": "zero-shot: the texts alone",
    "alone": "trained on the few events alone",
    "few_shot": "trained on both, served as a scenario",
}


def evaluate_transfer(run: ProtocolRun, *, source: str, descriptions: Path | None, share: float) -> dict[str, Any]:
    """Train on ``source`` and a ``share`` of the target's events, the run's data set; the figures as JSON has them.

    descriptions: of the source's items.

    Raises:
        CliError: A data set or the descriptions cannot be read, or nothing is said of the target's items.
    """
    from services.training.steps.fit_config import TrainingConfig
    from services.training.transfer import PROTOCOL, transfer

    started = time.monotonic()
    opened = open_dataset(run.dataset, run.format_name)
    read = read_log(opened)
    rich = read_log(open_dataset(source, None))
    told = read_descriptions(descriptions, rich.items) if descriptions is not None else {}
    if told:
        note(f"{len(told):,} of {rich.log.item_count:,} items of {rich.name} are described")
    known = with_contents(rich.log, {**rich.items, **told}, None, run.threads)
    target = _told_by_reviews(with_contents(read.log, read.items, None, run.threads), opened, read, run.threads)
    version = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    config = TrainingConfig(seed=run.seed, threads=run.threads)
    with measuring(PROTOCOL, run.keep) as (store, report):
        result = transfer(known, target, config, store, report, share, version)
    if run.predictions is not None:
        write_predictions(run.predictions, read.lists(result.users, result.ranked))
    figures = result.to_json()
    options = {"source": source, "share": share, "descriptions": descriptions}
    return {
        "source": rich.name,
        "target": read.name,
        "seed": run.seed,
        "interactions": {"source": len(rich.log), "target": len(read.log)},
        **figures,
        "bundle": run.kept(result.manifest.version),
        **run.facts(PROTOCOL, started, figures["seconds"], options),
    }


def print_transfer(result: dict[str, Any]) -> None:
    """Print what `evaluate_transfer` returned."""
    rows = []
    for name, words in _WORDS.items():
        figures, beyond = result["test"][name], result["beyond_alone"].get(name)
        rows.append(
            [
                words,
                *(f"{figures[metric]:.4f} ± {figures[f'{metric}_se']:.4f}" for metric in ("ndcg@10", "recall@10")),
                f"{beyond['ndcg@10']:+.4f} ± {beyond['ndcg@10_se']:.4f}" if beyond else "",
            ]
        )
    output().print(table([f"{result['source']} to {result['target']}", "ndcg@10", "recall@10", "beyond alone"], rows))
    few, test = result["few"], result["test"]
    if test["alone"]["ndcg@10"] > 0 and test["random"]["ndcg@10"] > 0:
        output().print(
            f"few-shot: {test['few_shot']['ndcg@10'] / test['alone']['ndcg@10']:.2f} times the NDCG@10 of the few "
            f"events alone; zero-shot: {test['zero_shot']['ndcg@10'] / test['random']['ndcg@10']:.1f} times random",
            markup=False,
        )
    output().print(
        f"few: {few['events']:,} events of {few['users']:,} users on {few['items']:,} items; {result['users']:,} users "
        f"asked, seed {result['seed']}, {result['seconds']['all']:.0f} s",
        markup=False,
    )


def _told_by_reviews(log: InteractionLog, dataset: Dataset, read: ReadLog, threads: int) -> InteractionLog:
    """The log whose items say what people wrote of them in the training, where the catalogue says nothing of them."""
    from services.training.transfer import may_be_learnt

    reviews = written_first(dataset, read)
    if not any(reviews):
        return log
    log = replace(log.without_repeats(), repeats=None)
    contents = told_by_reviews(contents_of_reviews(log, reviews, threads))
    return replace(log, contents=contents(may_be_learnt(log)))
