"""What a run says of itself while it goes on: to its callers through PostgreSQL, to Prometheus through metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping

from services.plumbing.metrics import TRAINING_PROGRESS, TRAINING_SECONDS
from services.plumbing.tracing import NO_SPAN, SpanKind, entry_span, recorded_traceparent
from services.training.run_lease import RunLease


class RunReport:
    """Progress of one run in one worker; each step's time is observed when the next one begins.

    Each step is a span inside the one that is present when the report is made.
    """

    def __init__(self, lease: RunLease) -> None:
        self._lease = lease
        self._traceparent = recorded_traceparent()
        self._span = NO_SPAN
        self._step = ""
        self._entered = time.monotonic()

    def at(self, step: str, progress: float, message: str, metrics: Mapping[str, float] | None = None) -> None:
        """Say what is being done, how much of the run is (0 to 1), one line about it, and what was measured."""
        if step != self._step:
            self.end_step()
            self._step = step
            self._begin_span(step)
        TRAINING_PROGRESS.set(progress)
        self._lease.report(step, progress, message, metrics)

    def end_step(self) -> None:
        """Observe the time of the present step."""
        now = time.monotonic()
        if self._step:
            TRAINING_SECONDS.labels(self._step).observe(now - self._entered)
        self._step, self._entered = "", now
        self.end_span()

    def _begin_span(self, step: str) -> None:
        if self._traceparent:
            # Steps begin and end in and outside of an event loop: none can be the present span.
            described = {"trommel.step": step}
            self._span = entry_span(
                f"step {step}", SpanKind.INTERNAL, self._traceparent, described, is_present=False
            ).__enter__()

    def end_span(self) -> None:
        """End the span of the present step, however the step ended."""
        self._span.__exit__(None, None, None)
        self._span = NO_SPAN
