"""New users of a data set: trains without some of the users, then recommends to them by a few picks."""

from __future__ import annotations

import time
from typing import Any

from services.cli.console import output
from services.cli.evaluation.evaluation import write_predictions
from services.cli.evaluation.measuring import measuring
from services.cli.evaluation.offline import open_dataset, read_log
from services.cli.evaluation.protocol_run import ProtocolRun
from services.cli.tables import table

_WORDS = {
    "popularity": "nothing: popular lately",
    "most_taken": "nothing: taken most",
    "context": "who they are",
    "picks_1": "one pick",
    "picks_3": "three picks",
    "picks_5": "five picks",
}
_METRICS = ("ndcg@10", "recall@10")


def evaluate_new_users(run: ProtocolRun, *, share: float) -> dict[str, Any]:
    """Train without ``share`` of the users and measure; returns the figures as JSON has them.

    Raises:
        CliError: The data set cannot be read, or has too few users.
    """
    from services.training.new_users import PROTOCOL, new_users
    from services.training.steps.fit_config import TrainingConfig

    started = time.monotonic()
    read = read_log(open_dataset(run.dataset, run.format_name))
    version = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    with measuring(PROTOCOL, run.keep) as (store, report):
        result = new_users(read.log, TrainingConfig(seed=run.seed, threads=run.threads), store, report, share, version)
    if run.predictions is not None:
        write_predictions(run.predictions, read.lists(result.users, result.ranked))
    figures = result.to_json()
    return {
        "dataset": read.name,
        "seed": run.seed,
        "interactions": len(read.log),
        **figures,
        "bundle": run.kept(result.manifest.version),
        **run.facts(PROTOCOL, started, figures["seconds"], {"cold-share": share}),
    }


def print_new_users(result: dict[str, Any]) -> None:
    """Print what `evaluate_new_users` returned."""
    rows = []
    for name, figures in result["test"].items():
        beyond = result["beyond_popularity"].get(name)
        rows.append(
            [
                _WORDS[name],
                *(_with_error(figures, metric) for metric in _METRICS),
                _with_error(beyond, _METRICS[0], "+") if beyond else "",
            ]
        )
    output().print(table(["what is known", *_METRICS, f"{_METRICS[0]} beyond popularity"], rows))
    output().print(
        f"{result['dataset']}: {result['users']:,} users whom the training did not see, {result['items']:,} items, "
        f"seed {result['seed']}, {result['seconds']['all']:.0f} s",
        markup=False,
    )


def _with_error(figures: dict[str, float], metric: str, sign: str = "") -> str:
    return f"{figures[metric]:{sign}.4f} ± {figures[f'{metric}_se']:.4f}"
