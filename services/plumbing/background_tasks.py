"""Tasks that run beside the requests, and their certain end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

from services.core.errors import DomainError

logger = logging.getLogger(__name__)

_ASK_AGAIN_SECONDS = 0.5


@asynccontextmanager
async def running_beside(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines while the context is open; end them when it is left."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        await ended(tasks)


async def keep_doing(
    work: Callable[[], Awaitable[object]],
    unless: str,
    interval_seconds: float,
    longest_pause_seconds: float,
    expected: tuple[type[Exception], ...] = (DomainError, OSError, TimeoutError, ValueError),
) -> None:
    """Do something again and again, whatever it raises; pauses after failures double up to the longest.

    Args:
        work: What is done.
        unless: What is logged where it fails, before the reason, once while the reason is the same.
        interval_seconds: Pause while it goes well.
        longest_pause_seconds: Pause while it does not, at most.
        expected: Failures that need no traceback in the log.
    """
    pause, said = interval_seconds, ""
    while True:
        try:
            await work()
            pause, said = interval_seconds, ""
        except Exception as error:
            pause = min(2 * pause, max(longest_pause_seconds, interval_seconds))
            if repr(error) != said:
                said = repr(error)
                unexpected = None if isinstance(error, expected) else error
                logger.warning("%s: %s: %s", unless, type(error).__name__, error, exc_info=unexpected)
        await asyncio.sleep(pause)


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
