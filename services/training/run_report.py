"""What a run says of itself while it goes on: to its callers through PostgreSQL, to Prometheus through metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping

from services.plumbing.metrics import TRAINING_PROGRESS, TRAINING_SECONDS
from services.training.run_lease import RunLease


class RunReport:
    """Progress of one run in one worker; each step's time is observed when the next one begins."""

    def __init__(self, lease: RunLease) -> None:
        self._lease = lease
        self._step = ""
        self._entered = time.monotonic()

    def at(self, step: str, progress: float, message: str, metrics: Mapping[str, float] | None = None) -> None:
        """Say what is being done, how much of the run is (0 to 1), one line about it, and what was measured."""
        if step != self._step:
            self.end_step()
            self._step = step
        TRAINING_PROGRESS.set(progress)
        self._lease.report(step, progress, message, metrics)

    def end_step(self) -> None:
        """Observe the time of the present step."""
        now = time.monotonic()
        if self._step:
            TRAINING_SECONDS.labels(self._step).observe(now - self._entered)
        self._step, self._entered = "", now
