"""Turns what the pipeline runner measures into Prometheus metrics."""

from __future__ import annotations

import logging
import time

from prometheus_client import Counter, Histogram

from services.plumbing.metrics import (
    ANSWERS,
    DEGRADED_ANSWERS,
    REMOVED_CANDIDATES,
    SOURCE_CANDIDATES,
    SOURCE_RUNS,
    STAGE_FAILURES,
    STAGE_SECONDS,
)

logger = logging.getLogger(__name__)

# A part that is away fails every request; one line now and then tells it as well.
_QUIET_SECONDS = 5.0


class PrometheusObserver:
    """Observer of one pipeline; its name is the `pipeline` label."""

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        # Looking a child up by its labels costs more than the observation: keep those of the hot path.
        self._durations: dict[tuple[str, str], Histogram] = {}
        self._runs: dict[tuple[str, str], Counter] = {}
        self._proposals: dict[str, Histogram] = {}
        self._removals: dict[str, Counter] = {}
        self._quiet_until: dict[tuple[str, str], float] = {}
        self._in_full = ANSWERS.labels(pipeline, "full")
        self._not_in_full = ANSWERS.labels(pipeline, "degraded")

    def stage_ran(self, role: str, stage: str, seconds: float) -> None:
        """Observe a stage's duration."""
        duration = self._durations.get((role, stage))
        if duration is None:
            duration = self._durations[role, stage] = STAGE_SECONDS.labels(self._pipeline, role, stage)
        duration.observe(seconds)

    def proposed(self, source: str, status: str, count: int) -> None:
        """Count a source's run and observe how much it proposed."""
        runs = self._runs.get((source, status))
        if runs is None:
            runs = self._runs[source, status] = SOURCE_RUNS.labels(self._pipeline, source, status)
        runs.inc()
        if status == "answered":
            proposals = self._proposals.get(source)
            if proposals is None:
                proposals = self._proposals[source] = SOURCE_CANDIDATES.labels(self._pipeline, source)
            proposals.observe(count)

    def removed(self, stage: str, count: int) -> None:
        """Count removed candidates."""
        removals = self._removals.get(stage)
        if removals is None:
            removals = self._removals[stage] = REMOVED_CANDIDATES.labels(self._pipeline, stage)
        removals.inc(count)

    def answered(self, *, in_full: bool) -> None:
        """Count an answer."""
        (self._in_full if in_full else self._not_in_full).inc()

    def degraded(self, reason: str) -> None:
        """Count a degraded answer."""
        DEGRADED_ANSWERS.labels(self._pipeline, reason).inc()

    def failed(self, stage: str, error: BaseException) -> None:
        """Count a failed stage and log why, but not for each request of an outage."""
        kind = type(error).__name__
        STAGE_FAILURES.labels(self._pipeline, stage, kind).inc()
        now = time.monotonic()
        if now < self._quiet_until.get((stage, kind), 0.0):
            return
        self._quiet_until[stage, kind] = now + _QUIET_SECONDS
        logger.warning("stage %s of %s failed: %s: %s", stage, self._pipeline, type(error).__name__, error)
