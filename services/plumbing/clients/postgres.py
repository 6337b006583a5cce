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

from services.core.errors import InvalidRequestError, OverloadedError, PreconditionError, UnavailableError
from services.plumbing.metrics import DATABASE_CONNECTIONS, DATABASE_WAITING
from services.plumbing.tracing import SpanKind, span

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]
logger = logging.getLogger(__name__)

# Of a statement and its parameters nothing is told.
_POSTGRESQL = {"db.system.name": "postgresql"}


@asynccontextmanager
async def open_pool(
    url: str, *, max_size: int = 4, timeout_seconds: float = 5.0, autocommit: bool = False
) -> AsyncIterator[Pool]:
    """Open a pool for the life of the context. The database may be away at that moment: the pool keeps trying.

    Args:
        url: postgresql://user:password@host:port/database.
        max_size: Connections at most.
        timeout_seconds: Longest wait for a connection.
        autocommit: Each statement is its own transaction, which saves two round trips where one statement is all.
    """
    pool: Pool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=max_size,
        timeout=timeout_seconds,
        max_waiting=max_size * 32,
        # Attempts in the background slow down to one in 32 s. Giving up early lets the next caller try at once.
        reconnect_timeout=1.0,
        check=AsyncConnectionPool.check_connection,
        kwargs={
            "connect_timeout": 3,
            # A host that vanished without a word is noticed in seconds.
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 10,
            # Committed means on disk, however the server is configured: acknowledgements depend on it.
            "options": "-c statement_timeout=30000 -c synchronous_commit=on",
            "application_name": "trommel",
            "autocommit": autocommit,
        },
        open=False,
    )
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    await pool.open(wait=False)
    # Read when somebody scrapes. A process has one pool for its life; the worker's come and go and are not reported.
    DATABASE_WAITING.set_function(lambda: pool.get_stats().get("requests_waiting", 0))
    DATABASE_CONNECTIONS.set_function(lambda: pool.get_stats().get("pool_size", 0))
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
        PreconditionError: The schema is not there, or older than this code.
        InvalidRequestError: A text holds a NUL character, the one of UTF-8 that PostgreSQL cannot take.
    """
    try:
        with span("postgresql", SpanKind.CLIENT, _POSTGRESQL):
            async with pool.connection(**options) as borrowed:
                yield borrowed
    except TooManyRequests as error:
        raise OverloadedError("too many requests wait for the database; back off and try again") from error
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise PreconditionError("the database's schema is not up to date; run: services.plumbing.migrate") from error
    except psycopg.DataError as error:
        if "NUL" not in str(error):
            raise
        raise InvalidRequestError("a text of the request holds a NUL character; leave it out") from error
    # A read-only database is one that fails over; a time limit that the borrower set ran out on a silent one.
    except (
        PoolTimeout,
        TimeoutError,
        psycopg.OperationalError,
        psycopg.InterfaceError,
        psycopg.errors.ReadOnlySqlTransaction,
    ) as error:
        logger.warning("database: %s", type(error).__name__)
        raise UnavailableError("the database is unavailable; try again") from error
