"""Turns what the pipeline runner does into Prometheus metrics and, where tracing is on, into spans."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager

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
from services.plumbing.tracing import Span, annotate, annotate_with, exemplar, is_on, span

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

    def stage(self, role: str, stage: str) -> AbstractContextManager[None]:
        """Observe a stage's duration; with tracing on, it is a span, and what it calls is inside."""
        duration = self._durations.get((role, stage))
        if duration is None:
            duration = self._durations[role, stage] = STAGE_SECONDS.labels(self._pipeline, role, stage)
        if not is_on():
            return _Timed(duration)
        described = {"trommel.pipeline": self._pipeline, "trommel.role": role, "trommel.stage": stage}
        return _Traced(duration, span(f"{role} {stage}", attributes=described))

    def proposed(self, source: str, status: str, count: int) -> None:
        """Count a source's run and observe how much it proposed."""
        runs = self._runs.get((source, status))
        if runs is None:
            runs = self._runs[source, status] = SOURCE_RUNS.labels(self._pipeline, source, status)
        runs.inc()
        if is_on() and status != "disabled":
            annotate(f"trommel.source.{source}.status", status)
            annotate(f"trommel.source.{source}.candidates", count)
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
        annotate("trommel.removed_candidates", count)

    def answered(self, *, in_full: bool) -> None:
        """Count an answer."""
        (self._in_full if in_full else self._not_in_full).inc()

    def degraded(self, reason: str) -> None:
        """Count a degraded answer."""
        DEGRADED_ANSWERS.labels(self._pipeline, reason).inc()
        annotate_with("trommel.degraded_reasons", reason)

    def failed(self, stage: str, error: BaseException) -> None:
        """Count a failed stage and log why, but not for each request of an outage."""
        kind = type(error).__name__
        STAGE_FAILURES.labels(self._pipeline, stage, kind).inc()
        now = time.monotonic()
        if now < self._quiet_until.get((stage, kind), 0.0):
            return
        self._quiet_until[stage, kind] = now + _QUIET_SECONDS
        logger.warning("stage %s of %s failed: %s: %s", stage, self._pipeline, type(error).__name__, error)


class _Timed:
    """Times a stage. A class: a generator would cost twice the time."""

    __slots__ = ("_began", "_duration")

    def __init__(self, duration: Histogram) -> None:
        self._duration = duration

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._duration.observe(time.perf_counter() - self._began)


class _Traced:
    """Times a stage inside its span."""

    __slots__ = ("_began", "_duration", "_span")

    def __init__(self, duration: Histogram, span: Span) -> None:
        self._duration = duration
        self._span = span

    def __enter__(self) -> None:
        self._span.__enter__()
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        self._duration.observe(time.perf_counter() - self._began, exemplar())
        self._span.__exit__(kind, error, traceback)
