from __future__ import annotations

import pytest

from services.core.errors import OverloadedError, UnavailableError
from services.feedback.patience import patiently


class Attempts:
    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.made = 0

    async def __call__(self) -> str:
        self.made += 1
        if self._failures:
            raise self._failures.pop(0)
        return "done"


async def test_an_absence_is_waited_out():
    attempts = Attempts(UnavailableError("away"), UnavailableError("away"))
    assert await patiently(attempts, 60) == "done"
    assert attempts.made == 3


async def test_patience_ends():
    attempts = Attempts(UnavailableError("away"))
    with pytest.raises(UnavailableError):
        await patiently(attempts, 0)
    assert attempts.made == 1


async def test_only_absence_is_waited_out():
    attempts = Attempts(OverloadedError("full"))
    with pytest.raises(OverloadedError):
        await patiently(attempts, 60)
    assert attempts.made == 1
