"""Tasks that run beside the requests, and their certain end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

_ASK_AGAIN_SECONDS = 0.5


@asynccontextmanager
async def running_beside(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines while the context is open; end them when it is left."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        await ended(tasks)


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended, however they do.

    They are cancelled again and again: a client library that is cancelled just as its own time limit expires may tell
    its caller of the limit alone, and a loop that tries again after that would never end.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=_ASK_AGAIN_SECONDS)
        for task in done:
            # Taken note of, so that nothing is said of it later.
            if not task.cancelled():
                task.exception()
