"""Calls that may be repeated are: a service that restarts costs an import some time, not its success."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

T = TypeVar("T")
_RETRIED = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED}
_MOST_TRIES = 6
_FIRST_WAIT_SECONDS = 0.25


async def retrying(call: Callable[[], Awaitable[T]]) -> T:
    """Await a call that is safe to repeat, up to six times over about eight seconds."""
    wait_seconds = _FIRST_WAIT_SECONDS
    for left in reversed(range(_MOST_TRIES)):
        try:
            return await call()
        except grpc.RpcError as error:
            if left == 0 or error.code() not in _RETRIED:
                raise
        await asyncio.sleep(wait_seconds)
        wait_seconds *= 2
    raise AssertionError
