"""The circuit breaker: a part that fails again and again is left alone for a moment instead of waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.core.errors import InvalidRequestError, UnavailableError


class CircuitBreaker:
    """Opens after some failures in a row; then one call every `retry_seconds` may find out whether the part is back.

    Not for use by several threads: an event loop calls it.
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

    @property
    def is_open(self) -> bool:
        """Whether calls are turned away."""
        return self._failures >= self._failure_threshold

    @contextmanager
    def guard(self, *, patient: bool = True) -> Iterator[None]:
        """Enter around one call.

        Args:
            patient: Whether the call has its usual time. One that was given too little says nothing by its failure.

        Raises:
            UnavailableError: The breaker is open and it is not time to try again; nothing was called.
        """
        if self.is_open:
            now = self._clock()
            if now < self._next_try or not patient:
                raise UnavailableError(f"{self._part} is away; it is tried again every {self._retry_seconds:g} s")
            # This call tries; the others go on failing fast until it is known how it fared.
            self._next_try = now + self._retry_seconds
        try:
            yield
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
