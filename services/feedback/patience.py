"""Patience: a database that is away for a moment is asked again, for a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.core.errors import UnavailableError

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5


async def patiently(attempt: Callable[[], Awaitable[T]], patience_seconds: float) -> T:
    """Return what `attempt` returns, trying again while it raises UnavailableError. It must be idempotent.

    Args:
        attempt: One try.
        patience_seconds: No new try starts later than this.

    Raises:
        UnavailableError: It was still away when the patience ended.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await attempt()
        except UnavailableError:
            if loop.time() >= deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
