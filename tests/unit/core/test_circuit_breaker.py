from __future__ import annotations

import asyncio

import pytest

from services.core.circuit_breaker import CircuitBreaker
from services.core.errors import InvalidRequestError, UnavailableError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Part:
    """Raises its error while it has one."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.calls = 0
        self.wait_for: asyncio.Event | None = None

    async def __call__(self) -> str:
        self.calls += 1
        if self.wait_for is not None:
            await self.wait_for.wait()
        if self.error is not None:
            raise self.error
        return "answer"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("part", failure_threshold=3, retry_seconds=0.5, clock=clock)


async def fail(breaker: CircuitBreaker, part: Part, times: int, *, patient: bool = True) -> None:
    part.error = part.error or ValueError("told to")
    for _ in range(times):
        with pytest.raises(type(part.error)):
            await breaker.call(part, patient=patient)


async def turned_away(breaker: CircuitBreaker, part: Part, *, patient: bool = True) -> None:
    """Call, and let what that may start in the background run."""
    with pytest.raises(UnavailableError, match="part is away"):
        await breaker.call(part, patient=patient)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_it_opens_after_failures_in_a_row(breaker: CircuitBreaker, part: Part) -> None:
    await fail(breaker, part, 2)
    part.error = None
    assert await breaker.call(part) == "answer"
    await fail(breaker, part, 2)
    assert not breaker.is_open
    await fail(breaker, part, 1)
    assert breaker.is_open
    calls = part.calls
    await turned_away(breaker, part)
    assert part.calls == calls, "nothing was called"


async def test_the_part_is_tried_again_behind_everybodys_back(
    breaker: CircuitBreaker, part: Part, clock: Clock
) -> None:
    await fail(breaker, part, 3)
    part.error = None
    clock.now = 0.4
    await turned_away(breaker, part)
    assert breaker.is_open
    clock.now = 0.5
    await turned_away(breaker, part)
    assert not breaker.is_open
    assert await breaker.call(part) == "answer"


async def test_one_trial_at_a_time(breaker: CircuitBreaker, part: Part, clock: Clock) -> None:
    await fail(breaker, part, 3)
    part.error, part.wait_for = None, asyncio.Event()
    clock.now = 0.5
    for _ in range(5):
        await turned_away(breaker, part)
    assert part.calls == 4
    part.wait_for.set()
    await asyncio.sleep(0.01)
    assert not breaker.is_open


async def test_a_trial_that_fails_keeps_it_open_for_another_while(
    breaker: CircuitBreaker, part: Part, clock: Clock
) -> None:
    await fail(breaker, part, 3)
    clock.now = 0.6
    await turned_away(breaker, part)
    assert part.calls == 4
    clock.now = 1.0
    await turned_away(breaker, part)
    assert part.calls == 4
    clock.now = 1.1
    part.error = None
    await turned_away(breaker, part)
    assert not breaker.is_open


async def test_a_call_with_too_little_time_neither_opens_it_nor_tries(
    breaker: CircuitBreaker, part: Part, clock: Clock
) -> None:
    await fail(breaker, part, 9, patient=False)
    assert not breaker.is_open
    await fail(breaker, part, 3)
    clock.now = 0.6
    calls = part.calls
    await turned_away(breaker, part, patient=False)
    assert part.calls == calls


async def test_a_request_that_is_refused_says_that_the_part_is_well(breaker: CircuitBreaker, part: Part) -> None:
    part.error = InvalidRequestError("wrong")
    await fail(breaker, part, 9)
    assert not breaker.is_open


async def test_a_caller_that_goes_away_says_nothing_of_the_part(breaker: CircuitBreaker, part: Part) -> None:
    part.wait_for = asyncio.Event()
    for _ in range(9):
        call = asyncio.ensure_future(breaker.call(part))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert not breaker.is_open
