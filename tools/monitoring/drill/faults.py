"""The faults of the drill, and the one alert that each must fire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tools.monitoring.drill.small_stack import SmallStack
from tools.monitoring.drill.traffic import POISON_A_SECOND, repeating, send_poison


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done, for as long as its context is open, and the alert that must fire."""

    name: str
    says: str
    alert: str
    happening: Callable[[SmallStack], AbstractContextManager[None]]


def _away(part: str, *, kill: bool = False) -> Callable[[SmallStack], AbstractContextManager[None]]:
    @contextmanager
    def happening(stack: SmallStack) -> Iterator[None]:
        stack.stop(part, kill=kill)
        try:
            yield
        finally:
            stack.start(part)

    return happening


@contextmanager
def _full(stack: SmallStack) -> Iterator[None]:
    stack.fill_quota()
    try:
        yield
    finally:
        stack.free_quota()


def _poison(stack: SmallStack) -> AbstractContextManager[None]:
    return repeating(lambda: send_poison(stack), POISON_A_SECOND)


FAULTS = (
    Fault("triton", "Triton is killed and stays away", "TritonDown", _away("triton", kill=True)),
    Fault("worker", "the worker is stopped", "TrainingWorkerDown", _away("worker")),
    Fault("quota", "the bundle store's quota is filled to 99 %", "StoreFull", _full),
    Fault("poison", "15 poison events a second beside 3 good ones", "EventsRejected", _poison),
    Fault("postgres", "PostgreSQL is stopped", "PostgresDown", _away("postgres")),
    Fault("redis", "Redis is stopped", "RedisDown", _away("redis")),
    Fault("candidates", "candidates is stopped", "CandidatesDown", _away("candidates")),
    Fault("feedback", "feedback is stopped", "FeedbackDown", _away("feedback")),
    Fault("ranking", "ranking is stopped", "RankingDown", _away("ranking")),
    Fault("training", "the training server is stopped", "TrainingApiDown", _away("training")),
)
