from __future__ import annotations

import asyncio

import pytest

from services.core.circuit_breaker import CircuitBreaker
from services.core.errors import InvalidRequestError, UnavailableError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("part", failure_threshold=3, retry_seconds=0.5, clock=clock)


def fail(breaker: CircuitBreaker, *, patient: bool = True, error: type[BaseException] = ValueError) -> None:
    with pytest.raises(error), breaker.guard(patient=patient):
        raise error("told to")


def is_turned_away(breaker: CircuitBreaker, *, patient: bool = True) -> bool:
    try:
        with breaker.guard(patient=patient):
            return False
    except UnavailableError:
        return True


def test_it_opens_after_failures_in_a_row(breaker: CircuitBreaker) -> None:
    fail(breaker)
    fail(breaker)
    with breaker.guard():
        pass
    fail(breaker)
    fail(breaker)
    assert not breaker.is_open
    fail(breaker)
    assert breaker.is_open
    assert is_turned_away(breaker)


def test_one_call_tries_again_and_the_others_go_on_failing_fast(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now = 0.4
    assert is_turned_away(breaker)
    clock.now = 0.5
    with breaker.guard():
        assert is_turned_away(breaker)
    assert not breaker.is_open
    assert not is_turned_away(breaker)


def test_a_try_that_fails_keeps_it_open_for_another_while(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now = 0.6
    fail(breaker)
    clock.now = 1.0
    assert is_turned_away(breaker)
    clock.now = 1.1
    assert not is_turned_away(breaker)


def test_a_call_with_too_little_time_neither_opens_it_nor_tries(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(9):
        fail(breaker, patient=False)
    assert not breaker.is_open
    for _ in range(3):
        fail(breaker)
    clock.now = 0.6
    assert is_turned_away(breaker, patient=False)
    assert not is_turned_away(breaker)


def test_a_request_that_is_refused_says_that_the_part_is_well(breaker: CircuitBreaker) -> None:
    for _ in range(9):
        fail(breaker, error=InvalidRequestError)
    assert not breaker.is_open


def test_a_caller_that_goes_away_says_nothing_of_the_part(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(9):
        fail(breaker, error=asyncio.CancelledError)
    assert not breaker.is_open
    for _ in range(3):
        fail(breaker)
    clock.now = 0.6
    fail(breaker, error=asyncio.CancelledError)
    assert breaker.is_open
    clock.now = 1.2
    assert not is_turned_away(breaker), "the cancelled try does not hold the place for ever"
