"""Retention: slates and events older than they may be are deleted, a small batch at a time, by one process at a time.

An event's age is counted from when it was received, not from when it happened: an import of old events keeps them as
long as any other, and what was acknowledged a moment ago is never deleted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from services.core.errors import DomainError
from services.plumbing.background_tasks import running_beside
from services.plumbing.clients.postgres import Pool, connection
from services.plumbing.metrics import DELETED_ROWS, RETENTION_CHECKED, RETENTION_FAILURES

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS = 600.0
_BATCH_ROWS = 1000
# Between batches: serving has the database to itself most of the time.
_PAUSE_SECONDS = 0.1
_CONNECTION_SECONDS = 5.0
_STATEMENT_SECONDS = 20.0

# The lock ends with the batch's transaction, whatever becomes of the process that held it.
_LOCK_SPACE = 741_521
_LOCK = "SELECT pg_try_advisory_xact_lock(%s::integer, hashtext(%s))"

# Both walk an index from its old end. seq follows the order of arrival closely enough: where it does not, a row that is
# old enough waits until those before it are as well.
_SLATES = """
WITH old AS (
    SELECT request_id FROM slates
    WHERE tenant = %(tenant)s AND served_at < now() - %(days)s * interval '1 day'
    ORDER BY served_at LIMIT %(rows)s
)
DELETE FROM slates USING old WHERE slates.tenant = %(tenant)s AND slates.request_id = old.request_id
RETURNING slates.user_id
"""
_EVENTS = """
WITH oldest AS (
    SELECT event_id, received_at FROM events WHERE tenant = %(tenant)s ORDER BY seq LIMIT %(rows)s
)
DELETE FROM events USING oldest
WHERE events.tenant = %(tenant)s AND events.event_id = oldest.event_id
    AND oldest.received_at < now() - %(days)s * interval '1 day'
RETURNING events.user_id
"""


class Retention:
    """Deletes what is too old."""

    def __init__(
        self,
        pool: Pool,
        tenant: str,
        slate_days: int,
        event_days: int,
        forget: Callable[[Iterable[str]], None],
        batch_rows: int = _BATCH_ROWS,
    ) -> None:
        """Make it.

        Args:
            pool: Connections that commit each statement.
            tenant: Whose rows.
            slate_days: Age in days from which slates are deleted; 0 keeps them for ever.
            event_days: The same for events.
            forget: Told the users whose events were deleted: their cached histories hold these still.
            batch_rows: Rows deleted in one transaction at most.
        """
        self._pool = pool
        self._tenant = tenant
        self._days = {"slates": slate_days, "events": event_days}
        self._forget = forget
        self._batch_rows = batch_rows
        for table in self._days:
            DELETED_ROWS.labels(table)
            RETENTION_FAILURES.labels(table)

    async def delete_old(self) -> dict[str, int]:
        """Delete all that is too old now, or leave it to the process that is at it; return the rows by table.

        Raises:
            UnavailableError: The database is away; what was deleted before stays deleted.
            OverloadedError: Too many wait for it already.
        """
        deleted = dict.fromkeys(self._days, 0)
        for table, statement in (("slates", _SLATES), ("events", _EVENTS)):
            days = self._days[table]
            try:
                while days and (users := await self._delete_batch(statement, days)):
                    DELETED_ROWS.labels(table).inc(len(users))
                    deleted[table] += len(users)
                    if table == "events":
                        self._forget(set(users))
                    await asyncio.sleep(_PAUSE_SECONDS)
            except Exception:
                RETENTION_FAILURES.labels(table).inc()
                raise
        RETENTION_CHECKED.set_to_current_time()
        return deleted

    @asynccontextmanager
    async def deleting(self, interval_seconds: float = _INTERVAL_SECONDS) -> AsyncIterator[None]:
        """Delete every so often while the context is open, if anything is to be deleted at all."""
        loops = [self._keep_deleting(interval_seconds)] if any(self._days.values()) else []
        async with running_beside(*loops):
            yield

    async def _keep_deleting(self, interval_seconds: float) -> None:
        while True:
            try:
                deleted = await self.delete_old()
                if any(deleted.values()):
                    logger.info("retention: %s", ", ".join(f"{n} {table}" for table, n in deleted.items() if n))
            except (DomainError, TimeoutError) as error:
                logger.warning("retention waits: %s", error)
            except Exception:
                logger.exception("retention goes on")
            await asyncio.sleep(interval_seconds)

    async def _delete_batch(self, statement: str, days: int) -> list[str]:
        """Return the users of the rows that were deleted; none where another process deletes or nothing is left."""
        async with (
            connection(self._pool, timeout=_CONNECTION_SECONDS) as database,
            asyncio.timeout(_STATEMENT_SECONDS),
            database.transaction(),
        ):
            row = await (await database.execute(_LOCK, (_LOCK_SPACE, self._tenant))).fetchone()
            if row is None or not row[0]:
                return []
            cursor = await database.execute(statement, {"tenant": self._tenant, "days": days, "rows": self._batch_rows})
            return [user_id for (user_id,) in await cursor.fetchall()]
