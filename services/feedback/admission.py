"""Admission: a bounded number of batches waits for the database; the next is told to come back later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.core.errors import OverloadedError


class Admission:
    """Counts the batches in flight."""

    def __init__(self, max_batches: int) -> None:
        self._left = max_batches

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Hold a place; raise OverloadedError when there is none."""
        if self._left == 0:
            raise OverloadedError("too many batches wait for the database; back off and try again")
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1
