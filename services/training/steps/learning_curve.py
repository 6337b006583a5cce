"""The learning curve: what an epoch of the Transformer came to, and the same as facts of the run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TypedDict


class EpochFacts(TypedDict):
    """One epoch. A plain dictionary, so that a checkpoint can keep it.

    epoch: counted from 1; 0 is what training began with. loss: mean over the epoch's steps, in nats. learning_rate:
    of its last step. validation_ndcg: NDCG@10 of the averaged weights, where it was measured. seconds: training and
    measuring; of two equal runs it alone differs.
    """

    epoch: int
    loss: float | None
    learning_rate: float | None
    validation_ndcg: float | None
    seconds: float


class EpochClock:
    """Times one epoch, from its making to its facts."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def facts(
        self, epoch: int, loss: float | None, learning_rate: float | None, validation_ndcg: float | None = None
    ) -> EpochFacts:
        """What the epoch came to, now that it is over."""
        seconds = time.perf_counter() - self._started
        return EpochFacts(
            epoch=epoch, loss=loss, learning_rate=learning_rate, validation_ndcg=validation_ndcg, seconds=seconds
        )


def comparable(curve: Sequence[EpochFacts]) -> list[dict[str, Any]]:
    """The curve without its seconds: equal for equal runs."""
    return [{name: value for name, value in facts.items() if name != "seconds"} for facts in curve]


def seconds_of(curve: Sequence[EpochFacts]) -> list[float]:
    """The seconds of each epoch."""
    return [round(facts["seconds"], 2) for facts in curve]
