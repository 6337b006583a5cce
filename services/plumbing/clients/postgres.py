"""A bounded pool of PostgreSQL connections."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from services.core.errors import OverloadedError, UnavailableError

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]
logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_pool(url: str, *, max_size: int = 4, timeout_seconds: float = 5.0) -> AsyncIterator[Pool]:
    """Open a pool for the life of the context. The database may be away at that moment: the pool keeps trying.

    Args:
        url: postgresql://user:password@host:port/database.
        max_size: Connections at most.
        timeout_seconds: Longest wait for a connection.
    """
    pool: Pool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=max_size,
        timeout=timeout_seconds,
        max_waiting=max_size * 32,
        reconnect_timeout=60.0,
        check=AsyncConnectionPool.check_connection,
        kwargs={"connect_timeout": 3, "options": "-c statement_timeout=30000", "application_name": "trommel"},
        open=False,
    )
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    await pool.open(wait=False)
    try:
        yield pool
    finally:
        await pool.close(timeout=2.0)


@asynccontextmanager
async def connection(pool: Pool, **options: Any) -> AsyncIterator[AsyncConnection[TupleRow]]:
    """Borrow a connection; commit when the context ends well.

    Raises:
        OverloadedError: Too many wait for a connection already.
        UnavailableError: The database is away or was lost meanwhile; nothing was acknowledged, try again.
    """
    try:
        async with pool.connection(**options) as borrowed:
            yield borrowed
    except TooManyRequests as error:
        raise OverloadedError("too many requests wait for the database; back off and try again") from error
    except (PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError) as error:
        logger.warning("database: %s", type(error).__name__)
        raise UnavailableError("the database is unavailable; try again") from error
