"""Training runs: start one, follow it to its end."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from trommel.training.v1 import training_pb2 as wire

from services.cli.progress import progress
from services.cli.retrying import retrying
from services.cli.stubs import training
from services.cli.times import iso_time

_POLL_SECONDS = 0.5
_CALL_SECONDS = 10.0


async def start_run(*, seed: int, warm_start: bool, max_epochs: int, skip_activation: bool) -> str:
    """Queue a run and return its id, which is made here: a call that is tried again starts no second run."""
    request = wire.StartRunRequest(
        run_id=uuid.uuid4().hex[:12],
        seed=seed,
        warm_start=warm_start,
        max_epochs=max_epochs,
        skip_activation=skip_activation,
    )
    async with training() as service:
        return str((await service.StartRun(request, timeout=_CALL_SECONDS)).run.id)


async def follow_run(run_id: str) -> wire.Run:
    """Show a run's progress until it has ended; return how it ended."""
    request = wire.GetRunRequest(run_id=run_id)
    async with training() as service:
        with progress("training", total=1.0) as shown:
            while True:
                # A service that restarts while a run is followed is no reason to stop following.
                answer = await retrying(lambda: service.GetRun(request, timeout=_CALL_SECONDS))
                run: wire.Run = answer.run
                ended = run.state in {wire.Run.STATE_SUCCEEDED, wire.Run.STATE_FAILED}
                words = ": ".join(filter(None, (run.step, run.message)))
                shown.update(1.0 if ended else min(run.progress, 0.99), words)
                if ended:
                    return run
                await asyncio.sleep(_POLL_SECONDS)


def run_json(run: wire.Run) -> dict[str, Any]:
    """Return a run as JSON."""
    return {
        "id": run.id,
        "state": wire.Run.State.Name(run.state).removeprefix("STATE_").lower(),
        "bundle_version": run.bundle_version,
        "metrics": dict(sorted(run.metrics.items())),
        "error": run.error,
        "created": iso_time(run.create_time.ToMicroseconds()),
        "ended": iso_time(run.end_time.ToMicroseconds()) if run.HasField("end_time") else None,
    }
