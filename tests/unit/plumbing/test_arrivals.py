from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from services.plumbing.interceptors.arrivals import ArrivalsInterceptor


async def arrive(arrivals: ArrivalsInterceptor, method: str) -> Any:
    async def handler(_: Any) -> Any:
        return method

    return await arrivals.intercept_service(handler, SimpleNamespace(method=method))  # type: ignore[arg-type]


async def waited(arrivals: ArrivalsInterceptor, seconds: float, at_most_seconds: float) -> float:
    began = time.monotonic()
    await arrivals.quiet(seconds, at_most_seconds)
    return time.monotonic() - began


async def test_every_call_goes_on_to_its_handler():
    assert await arrive(ArrivalsInterceptor(), "/trommel.x/Y") == "/trommel.x/Y"


async def test_where_nothing_came_it_is_quiet_at_once():
    arrivals = ArrivalsInterceptor()
    assert await waited(arrivals, 1000.0, 1000.0) < 100.0


async def test_health_and_reflection_are_no_arrivals():
    arrivals = ArrivalsInterceptor()
    await arrive(arrivals, "/grpc.health.v1.Health/Watch")
    assert await waited(arrivals, 1000.0, 1000.0) < 100.0


async def test_it_waits_from_the_last_arrival_on():
    arrivals = ArrivalsInterceptor()
    await arrive(arrivals, "/trommel.x/Y")
    assert await waited(arrivals, 0.1, 1000.0) >= 0.09


async def test_it_never_waits_longer_than_allowed():
    arrivals = ArrivalsInterceptor()
    await arrive(arrivals, "/trommel.x/Y")
    assert await waited(arrivals, 1000.0, 0.05) < 100.0
