from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from services.plumbing.deadlines import deadline_of, seconds_left


class Context:
    def __init__(self, remaining: float | None) -> None:
        self._remaining = remaining

    def time_remaining(self) -> float | None:
        return self._remaining


@pytest.mark.parametrize(
    ("remaining", "budget", "expected"),
    [
        (None, None, 2.0),
        (None, Duration(), 2.0),
        (None, Duration(nanos=250_000_000), 0.25),
        (None, Duration(seconds=30), 30.0),
        (1.0, None, 0.9),
        (1.0, Duration(nanos=250_000_000), 0.25),
        (0.1, Duration(seconds=30), 0.09),
        (-1.0, None, 0.0),
        (0.0, Duration(seconds=1), 0.0),
    ],
)
async def test_the_shortest_bound_wins(remaining: Any, budget: Any, expected: float) -> None:
    now = asyncio.get_running_loop().time()
    assert deadline_of(Context(remaining), budget, 2.0) - now == pytest.approx(expected, abs=0.01)


async def test_seconds_left_never_fall_below_zero() -> None:
    now = asyncio.get_running_loop().time()
    assert seconds_left(now - 5) == 0.0
    assert seconds_left(now + 5) == pytest.approx(5, abs=0.1)
