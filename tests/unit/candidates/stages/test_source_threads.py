from __future__ import annotations

import asyncio
import threading

import pytest

from services.candidates.stages.source_threads import SourceThreads, run_here
from services.core.errors import OverloadedError


async def test_the_loop_goes_on_while_a_thread_computes_and_waiting_is_bounded() -> None:
    threads, go = SourceThreads(1, max_waiting=1), threading.Event()
    try:
        runs = [asyncio.create_task(threads.run(go.wait, 10)) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(OverloadedError):
            await threads.run(int)
        go.set()
        assert await asyncio.gather(*runs) == [True, True]
        await asyncio.sleep(0)
        assert await threads.run(pow, 2, 3) == 8
    finally:
        threads.close()


async def test_one_that_was_given_up_still_counts_until_it_ends() -> None:
    threads, go = SourceThreads(1, max_waiting=0), threading.Event()
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await threads.run(go.wait, 10)
        with pytest.raises(OverloadedError):
            await threads.run(int)
        go.set()
        async with asyncio.timeout(5):
            while True:
                try:
                    assert await threads.run(int) == 0
                    break
                except OverloadedError:
                    await asyncio.sleep(0.005)
    finally:
        threads.close()


async def test_here_is_here() -> None:
    assert await run_here(threading.get_ident) == threading.get_ident()
