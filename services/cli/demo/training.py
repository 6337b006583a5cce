"""One training run of the demo."""

from __future__ import annotations

from collections.abc import Mapping

from trommel.training.v1 import training_pb2 as wire

from services.cli.cli_error import CliError
from services.cli.console import output
from services.cli.runs import follow_run, start_run
from services.cli.tables import table

_MEASURES = ("recall@10", "ndcg@10", "recall@100")


async def train(*, warm_start: bool, max_epochs: int) -> wire.Run:
    """Train and show the progress.

    Raises:
        CliError: The run failed.
    """
    run_id = await start_run(seed=0, warm_start=warm_start, max_epochs=max_epochs, skip_activation=False)
    run = await follow_run(run_id)
    if run.state != wire.Run.STATE_SUCCEEDED:
        raise CliError(f"training failed: {run.error or 'see logs/worker.log in the data directory'}")
    output().print(f"run {run.id}: bundle {run.bundle_version} serves")
    return run


def print_metrics(metrics: Mapping[str, float]) -> None:
    """Print the table of "<model>/<measure>" figures."""
    models = sorted({name.rpartition("/")[0] for name in metrics} - {""})
    rows = []
    for model in models:
        figures = [metrics.get(f"{model}/{measure}") for measure in _MEASURES]
        if any(figure is not None for figure in figures):
            rows.append([model, *("" if figure is None else f"{figure:.4f}" for figure in figures)])
    output().print("Measured by the run, on events that it held out itself:")
    output().print(table(["", *_MEASURES], rows))
