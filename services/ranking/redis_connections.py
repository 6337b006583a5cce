"""Connections to Redis that are kept between requests; what a request asks goes out in one write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from services.plumbing.tracing import SpanKind, span

# Of keys nothing is told: users' ids are in them.
_REDIS = {"db.system.name": "redis"}

Command = tuple[str | int, ...]


class RedisConnections:
    """Asks Redis over connections of its own. The caller bounds the time; a question cut off costs its connection.

    redis-py's pipeline does the same with locks, timers and tasks for each command, which take longer than Redis.
    """

    def __init__(self, pool: ConnectionPool, max_connections: int) -> None:
        """pool: knows how to make connections."""
        self._pool = pool
        self._places = asyncio.Semaphore(max_connections)
        self._idle: list[AbstractConnection] = []

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Return one reply a command, as RESP2 has them.

        Raises:
            RedisError: Redis is away, or refused a command.
        """
        with span("redis", SpanKind.CLIENT, _REDIS):
            return await self._ask_in_turn(commands)

    async def _ask_in_turn(self, commands: Sequence[Command]) -> list[Any]:
        async with self._places:
            if self._idle:
                try:
                    return await self._ask(self._idle.pop(), commands)
                except RedisConnectionError:
                    # A restart of Redis has cut all that is kept: the next is a new one.
                    await self.close()
            return await self._ask(self._pool.make_connection(), commands)  # type: ignore[no-untyped-call]

    async def _ask(self, connection: AbstractConnection, commands: Sequence[Command]) -> list[Any]:
        try:
            if not connection.is_connected:
                await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            replies = [await connection.read_response() for _ in commands]
        except BaseException:
            # Replies that nobody has read must not answer the next question.
            await connection.disconnect(nowait=True)
            raise
        self._idle.append(connection)
        return replies

    async def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            await self._idle.pop().disconnect(nowait=True)


@asynccontextmanager
async def open_connections(
    url: str, *, connect_timeout_seconds: float, max_connections: int = 32
) -> AsyncIterator[RedisConnections]:
    """Keep connections for the life of the context; the first is made when it is needed.

    Args:
        url: redis://host:port/database.
        connect_timeout_seconds: Longest wait for a connect.
        max_connections: Connections at most; further callers wait.
    """
    pool = ConnectionPool.from_url(
        url,
        socket_connect_timeout=connect_timeout_seconds,
        # A limit on each write and read makes a task and a timer of each; the caller's one limit is enough.
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    # Whatever the URL says: RESP3 makes a list and a float of every member with its score.
    pool.connection_kwargs["protocol"] = 2
    connections = RedisConnections(pool, max_connections)
    try:
        yield connections
    finally:
        await connections.close()
        await pool.aclose()
