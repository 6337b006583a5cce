"""PostgreSQL and Redis once a session; a tenant and a feedback server of its own for each test."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import grpc
import psycopg
import pytest
from redis.asyncio import Redis
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc

from services.embedded import StackSettings, down, status, up
from services.feedback.composition import compose
from services.feedback.settings import FeedbackSettings
from services.plumbing.migrate import migrate
from services.plumbing.server import serving
from tests.free_ports import free_port_base

PARTS = ("postgres", "redis")


@dataclass(frozen=True)
class Stack:
    """The running parts; the keeper starts them again when they are killed."""

    settings: StackSettings
    database_url: str
    redis_url: str

    def send(self, part: str, number: signal.Signals) -> None:
        pid = next(process.pid for process in status(self.settings) if process.name == part)
        assert pid is not None
        os.kill(pid, number)

    def kill(self, part: str) -> None:
        """Kill -9: PostgreSQL's children see it and go too."""
        self.send(part, signal.SIGKILL)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = StackSettings(data_dir=tmp_path_factory.mktemp("feedback"), port_base=free_port_base())
    try:
        environment = up(settings, only=PARTS).environment
        migrate(environment["TROMMEL_DATABASE_URL"])
        yield Stack(settings, environment["TROMMEL_DATABASE_URL"], environment["TROMMEL_REDIS_URL"])
    finally:
        down(settings)


@pytest.fixture
def tenant() -> str:
    return f"t-{secrets.token_hex(6)}"


@pytest.fixture
def settings(stack: Stack, tenant: str) -> FeedbackSettings:
    return FeedbackSettings(
        listen="127.0.0.1:0",
        tenant=tenant,
        database_url=stack.database_url,
        redis_url=stack.redis_url,
        drain_delay_seconds=0,
        drain_seconds=5,
        # Slates of the tests were served years ago: as soon as it starts, the server would delete them.
        slate_retention_days=0,
    )


Serve = Callable[[FeedbackSettings], AbstractAsyncContextManager[feedback_pb2_grpc.FeedbackServiceStub]]


@pytest.fixture
def serve() -> Serve:
    """Return what runs a server and opens a client of it."""

    @asynccontextmanager
    async def run(settings: FeedbackSettings) -> AsyncIterator[feedback_pb2_grpc.FeedbackServiceStub]:
        async with (
            compose(settings) as register,
            serving(settings, register) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            yield feedback_pb2_grpc.FeedbackServiceStub(channel)

    return run


@pytest.fixture
async def feedback(serve: Serve, settings: FeedbackSettings) -> AsyncIterator[feedback_pb2_grpc.FeedbackServiceStub]:
    async with serve(settings) as stub:
        yield stub


@pytest.fixture
async def redis(stack: Stack) -> AsyncIterator[Redis]:
    client = Redis.from_url(stack.redis_url, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture
def database(stack: Stack) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield connection


@dataclass
class EventMaker:
    """Makes valid events, each with a new id and a later time."""

    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __call__(
        self, user_id: str = "u", item_id: str = "i", kind: str = "CLICK", **fields: object
    ) -> feedback_pb2.Event:
        number = next(self.numbers)
        microseconds = fields.pop("at", 1_700_000_000_000_000 + number)
        event = feedback_pb2.Event(
            event_id=str(fields.pop("event_id", f"e{number}")),
            user_id=user_id,
            item_id=item_id,
            type=feedback_pb2.EventType.Value(f"EVENT_TYPE_{kind}"),
            **fields,
        )
        event.time.FromMicroseconds(microseconds)
        return event


@pytest.fixture
def make_event() -> EventMaker:
    return EventMaker()


async def eventually(check: Callable[[], object], what: str) -> None:
    """Wait until an awaitable check is true; the bound only ends a test that would hang."""
    async with asyncio.timeout(30):
        while not await check():  # type: ignore[misc]  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.02)


@pytest.fixture
def until() -> Callable[..., object]:
    return eventually
