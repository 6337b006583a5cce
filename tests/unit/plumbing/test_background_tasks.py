"""Background tasks end, also those whose first cancellation was lost on the way."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from services.plumbing.background_tasks import ended, running_beside


async def test_they_run_and_end_with_the_context() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with running_beside(count()):
        for _ in range(10):
            await asyncio.sleep(0)
        assert turns >= 9
    stopped_at = turns
    await asyncio.sleep(0)
    assert turns == stopped_at


async def test_a_swallowed_cancellation_is_not_the_last() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 2:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            swallowed += 1
        await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await ended([task])
    assert swallowed == 2
    assert task.cancelled()


async def test_how_a_task_failed_is_its_own_affair() -> None:
    async def fails() -> None:
        raise ValueError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await ended([task])
    assert isinstance(task.exception(), ValueError)
