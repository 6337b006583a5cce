"""The circuit breaker: a part that fails again and again is left alone for a moment instead of waited for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.core.errors import InvalidRequestError, UnavailableError

T = TypeVar("T")


class CircuitBreaker:
    """Opens after some failures in a row.

    From then on calls fail at once, and nobody waits to see the part return: every `retry_seconds` one of them is made
    in the background, and closes the breaker when it succeeds. For calls without effects, in one event loop.
    """

    def __init__(
        self,
        part: str,
        *,
        failure_threshold: int = 3,
        retry_seconds: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a closed breaker for a part, whose name stands in the errors."""
        self._part = part
        self._failure_threshold = failure_threshold
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._failures = 0
        self._next_try = 0.0
        self._trial: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls are turned away."""
        return self._failures >= self._failure_threshold

    async def call(self, attempt: Callable[[], Awaitable[T]], *, patient: bool = True) -> T:
        """Return what `attempt` returns.

        Args:
            attempt: Makes the call.
            patient: Whether the call has its usual time. One that was given too little says nothing by its failure.

        Raises:
            UnavailableError: The breaker is open; nobody was waited for.
            Exception: What the attempt raised.
        """
        if not self.is_open:
            return await self._observed(attempt, patient)
        if patient and self._trial is None and self._clock() >= self._next_try:
            self._trial = asyncio.create_task(self._try(attempt))
        raise UnavailableError(f"{self._part} is away; it is tried again every {self._retry_seconds:g} s")

    async def _observed(self, attempt: Callable[[], Awaitable[T]], patient: bool) -> T:
        try:
            result = await attempt()
        except InvalidRequestError:
            # The part is well; the request was not.
            self._failures = 0
            raise
        except Exception:
            if patient:
                self._failures += 1
                self._next_try = self._clock() + self._retry_seconds
            raise
        self._failures = 0
        return result

    async def _try(self, attempt: Callable[[], Awaitable[T]]) -> None:
        try:
            with contextlib.suppress(Exception):
                await self._observed(attempt, True)
        finally:
            self._trial = None
