"""A real server of the shell around a servicer that does what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from trommel.feedback.v1 import feedback_pb2 as pb
from trommel.feedback.v1 import feedback_pb2_grpc as pb_grpc

from services.plumbing.server import serving
from services.plumbing.settings import ServerSettings

SERVICE = "trommel.feedback.v1.FeedbackService"


class ToldServicer(pb_grpc.FeedbackServiceServicer):
    """GetHistory and StreamEvents run the behaviour that the test sets; `requests` is what arrived."""

    def __init__(self) -> None:
        self.behaviour: Callable[[Any], Awaitable[None]] = self._nothing
        self.requests: list[Any] = []

    async def _nothing(self, _: Any) -> None:
        return None

    async def GetHistory(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        await self.behaviour(context)
        return pb.GetHistoryResponse(seen_item_ids=["a"])

    async def StreamEvents(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            self.requests.append(request)
            await self.behaviour(context)
            yield pb.StreamEventsResponse(result=pb.EventResult(event_id=request.event.event_id))


@dataclass
class RunningServer:
    servicer: ToldServicer
    port: int
    channel: grpc.aio.Channel
    stub: pb_grpc.FeedbackServiceStub = field(init=False)

    def __post_init__(self) -> None:
        self.stub = pb_grpc.FeedbackServiceStub(self.channel)

    async def call_raw(self, method: str, payload: bytes) -> bytes:
        """Send bytes as they are, whatever the method expects."""
        return bytes(await self.channel.unary_unary(f"/{SERVICE}/{method}")(payload, timeout=5))


Server = Callable[..., AbstractAsyncContextManager[RunningServer]]


@pytest.fixture
def start_server() -> Server:
    @asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[RunningServer]:
        servicer = ToldServicer()

        def register(server: grpc.aio.Server) -> Sequence[str]:
            pb_grpc.add_FeedbackServiceServicer_to_server(servicer, server)
            return (SERVICE,)

        settings = ServerSettings(listen="127.0.0.1:0", **{"drain_delay_seconds": 0.0, "drain_seconds": 2.0, **options})
        async with (
            serving(settings, register) as port,
            grpc.aio.insecure_channel(
                f"127.0.0.1:{port}", options=[("grpc.max_send_message_length", 64 << 20)]
            ) as channel,
        ):
            yield RunningServer(servicer, port, channel)

    return start


@pytest.fixture
async def server(start_server: Server) -> AsyncIterator[RunningServer]:
    async with start_server() as running:
        yield running
        await asyncio.sleep(0)
