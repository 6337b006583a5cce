"""One training run of the demo."""

from __future__ import annotations

from trommel.training.v1 import training_pb2 as wire

from services.cli.cli_error import CliError
from services.cli.console import output
from services.cli.runs import follow_run, start_run

_SHOWN_METRICS = 8


async def train(*, warm_start: bool, max_epochs: int) -> wire.Run:
    """Train, show the progress, and print what was measured.

    Raises:
        CliError: The run failed.
    """
    run_id = await start_run(seed=0, warm_start=warm_start, max_epochs=max_epochs, skip_activation=False)
    run = await follow_run(run_id)
    if run.state != wire.Run.STATE_SUCCEEDED:
        raise CliError(f"training failed: {run.error or 'see logs/worker.log in the data directory'}")
    output().print(f"run {run.id}: bundle {run.bundle_version} serves")
    metrics = [f"{name} {value:.4f}" for name, value in sorted(run.metrics.items()) if "@10" in name]
    if metrics:
        output().print(f"measured on events held out by training itself: {', '.join(metrics[:_SHOWN_METRICS])}")
    return run
