"""Where sources compute: in the event loop when that takes microseconds, else in a few threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from services.core.errors import OverloadedError

T = TypeVar("T")


class SourceThreads:
    """A bounded pool: a source that is late keeps its thread until it ends, so those that wait must be counted."""

    def __init__(self, thread_count: int, max_waiting: int) -> None:
        self._executor = ThreadPoolExecutor(thread_count, thread_name_prefix="source")
        self._max_pending = thread_count + max_waiting
        self._pending = 0

    async def run(self, compute: Callable[..., T], *arguments: Any) -> T:
        """Return compute(*arguments), computed in a thread. Raises OverloadedError when too many wait already."""
        if self._pending >= self._max_pending:
            raise OverloadedError("too many sources wait for a thread")
        self._pending += 1
        loop = asyncio.get_running_loop()
        future = self._executor.submit(compute, *arguments)

        def ended(_: Future[T]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._left)

        future.add_done_callback(ended)
        return await asyncio.wrap_future(future)

    def _left(self) -> None:
        self._pending -= 1

    def close(self) -> None:
        """End the threads; what waits is given up."""
        self._executor.shutdown(wait=False, cancel_futures=True)


async def run_here(compute: Callable[..., T], *arguments: Any) -> T:
    """Return compute(*arguments), computed in the event loop: a hop to a thread and back costs 0.1 ms."""
    return compute(*arguments)
