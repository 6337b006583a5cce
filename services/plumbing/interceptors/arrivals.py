"""When the last RPC came: a server that drains stays until its callers have gone elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import grpc


class ArrivalsInterceptor(grpc.aio.ServerInterceptor):
    """Remembers when the last of our RPCs came; health and reflection do not count."""

    def __init__(self) -> None:
        self._last = -float("inf")

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """Note the time and go on."""
        if handler_call_details.method.startswith("/trommel."):
            self._last = time.monotonic()
        return await continuation(handler_call_details)

    async def quiet(self, seconds: float, at_most_seconds: float) -> None:
        """Wait until no RPC has come for so long, but not longer than `at_most_seconds`."""
        end = time.monotonic() + at_most_seconds
        left = self._left(seconds, end)
        while left > 0:
            await asyncio.sleep(left)
            left = self._left(seconds, end)

    def _left(self, seconds: float, end: float) -> float:
        return min(self._last + seconds, end) - time.monotonic()
