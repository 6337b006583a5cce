"""The activation lock: one activation at a time in a database, whoever runs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.core.errors import UnavailableError
from services.plumbing.clients.postgres import Pool, connection

_LOCK_SPACE = 741_520
_RETRY_SECONDS = 0.2


@asynccontextmanager
async def activation_lock(pool: Pool, tenant: str, wait_seconds: float) -> AsyncIterator[AsyncConnection[TupleRow]]:
    """Hold the lock of a tenant, on a connection that is in no transaction; the lock dies with the connection.

    Raises:
        UnavailableError: Another activation goes on, or the database is away.
    """
    deadline = asyncio.get_running_loop().time() + wait_seconds
    async with connection(pool) as borrowed:
        while not await _locked(borrowed, tenant):
            if asyncio.get_running_loop().time() >= deadline:
                raise UnavailableError("another bundle is being activated; try again")
            await asyncio.sleep(_RETRY_SECONDS)
        try:
            yield borrowed
        finally:
            try:
                await borrowed.rollback()
                await borrowed.execute("SELECT pg_advisory_unlock(%s::integer, hashtext(%s))", (_LOCK_SPACE, tenant))
                await borrowed.commit()
            except psycopg.Error:
                # A connection that cannot unlock must not go back into the pool with the lock on it.
                await borrowed.close()


async def _locked(borrowed: AsyncConnection[TupleRow], tenant: str) -> bool:
    cursor = await borrowed.execute("SELECT pg_try_advisory_lock(%s::integer, hashtext(%s))", (_LOCK_SPACE, tenant))
    row = await cursor.fetchone()
    await borrowed.commit()
    return row is not None and bool(row[0])
