"""How a training run reports where it is, and how it is asked to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_REPORT_EVERY_SECONDS = 0.5
_SHARE_BEFORE_AN_ESTIMATE = 0.02


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is.

    stage: what is being done. fraction: done of the whole run, 0..1, never falling.
    loss, validation_ndcg: the Transformer's newest, None before the first. seconds_left: None while unknown.
    """

    stage: str
    fraction: float
    loss: float | None = None
    validation_ndcg: float | None = None
    seconds_left: float | None = None


class TrainingStoppedError(Exception):
    """The run was asked to stop. Its checkpoint stays: the same call goes on from there."""


class ProgressReport:
    """Turns stages and shares of them into Progress, at most two a second, and ends the run when asked to."""

    def __init__(
        self,
        report: Callable[[Progress], None],
        should_stop: Callable[[], bool],
        stages: Mapping[str, float],
    ) -> None:
        """stages: name → expected share of the run's time (any unit), in the order they come.

        ``seconds`` has those of each stage that was left.
        """
        self._report = report
        self._should_stop = should_stop
        whole = sum(stages.values())
        self._spans: dict[str, tuple[float, float]] = {}
        before = 0.0
        for name, share in stages.items():
            self._spans[name] = (before, share / whole)
            before += share / whole
        self._stage = next(iter(stages))
        self._fraction = 0.0
        self._origin = (time.monotonic(), 0.0)
        self._last_report = float("-inf")
        self._entered = time.monotonic()
        self.seconds: dict[str, float] = {}
        self._loss: float | None = None
        self._validation_ndcg: float | None = None

    def enter(self, stage: str, *, resumed_share: float = 0.0) -> None:
        """A stage begins, ``resumed_share`` of it done by an earlier life of this run. Raises TrainingStoppedError."""
        now = time.monotonic()
        self.seconds[self._stage] = round(self.seconds.get(self._stage, 0.0) + now - self._entered, 2)
        self._stage, self._entered = stage, now
        self._last_report = float("-inf")
        if resumed_share > 0:
            before, span = self._spans[stage]
            self._fraction = max(self._fraction, before + span * resumed_share)
            self._origin = (time.monotonic(), self._fraction)
        self.advance(resumed_share)

    def advance(self, share: float, *, loss: float | None = None, validation_ndcg: float | None = None) -> None:
        """``share`` (0..1) of the present stage is done. Raises TrainingStoppedError."""
        if self._should_stop():
            raise TrainingStoppedError("the training run was asked to stop")
        self._loss = self._loss if loss is None else loss
        self._validation_ndcg = self._validation_ndcg if validation_ndcg is None else validation_ndcg
        before, span = self._spans[self._stage]
        self._fraction = max(self._fraction, before + span * min(max(share, 0.0), 1.0))
        now = time.monotonic()
        if now - self._last_report < _REPORT_EVERY_SECONDS:
            return
        self._last_report = now
        self._report(Progress(self._stage, self._fraction, self._loss, self._validation_ndcg, self._seconds_left(now)))

    def _seconds_left(self, now: float) -> float | None:
        started, first_fraction = self._origin
        done = self._fraction - first_fraction
        if done < _SHARE_BEFORE_AN_ESTIMATE:
            return None
        return (now - started) / done * (1.0 - self._fraction)


class PartOfStage:
    """A part of a report's present stage, told of as if it were all of it."""

    def __init__(self, report: ProgressReport, start: float, end: float) -> None:
        """start, end: shares of the stage."""
        self._report, self._start, self._end = report, start, end

    def advance(self, share: float, *, loss: float | None = None) -> None:
        """``share`` (0..1) of the part is done. Raises TrainingStoppedError."""
        self._report.advance(self._start + (self._end - self._start) * share, loss=loss)
