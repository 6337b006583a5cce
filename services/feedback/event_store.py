"""The event store: events in PostgreSQL, each once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.core.cascade import HISTORY_EVENTS
from services.feedback.event import HIDINGS, INTERACTIONS, Event, EventType
from services.plumbing.clients.postgres import Pool, connection

MAX_ITEM_SETS = 10_000
"""Items in a user's seen and hidden sets together, the newest."""
# A short wait: each new one makes the pool try a new connection at once, so a restarted database is found quickly.
_CONNECTION_SECONDS = 1.0
_STATEMENT_SECONDS = 10.0

# seq follows the order of arrival and breaks ties of time. Rows go in by event id, so that two batches holding the
# same ids in different order wait for each other in one order and cannot deadlock.
_INSERT = """
WITH given AS MATERIALIZED (
    SELECT nextval('events_seq_seq') AS seq, one.*
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::smallint[], %s::bigint[], %s::float8[],
                %s::float8[], %s::text[])
         WITH ORDINALITY AS one(event_id, user_id, item_id, scenario, type, microseconds, dwell_seconds, value,
                                request_id, position)
    ORDER BY position
)
INSERT INTO events (tenant, event_id, user_id, item_id, scenario, type, event_time, dwell_seconds, value, request_id,
                    seq)
SELECT %s, event_id, user_id, item_id, scenario, type,
       timestamptz 'epoch' + microseconds * interval '1 microsecond', dwell_seconds, value, request_id, seq
FROM given ORDER BY event_id COLLATE "C", seq
ON CONFLICT DO NOTHING
RETURNING event_id, seq
"""

_COLUMNS = """event_id, user_id, item_id, scenario, type, (extract(epoch FROM event_time) * 1000000)::bigint,
              dwell_seconds, value, request_id"""
_IMPRESSION = int(EventType.IMPRESSION)
_EVENTS = f"""
SELECT {_COLUMNS} FROM events
WHERE tenant = %s AND user_id = %s AND type <> {_IMPRESSION} AND (%s = '' OR scenario = %s)
ORDER BY event_time DESC, seq DESC LIMIT %s
"""  # noqa: S608 - constants only
_HISTORY = f"""
SELECT {_COLUMNS}, seq FROM events
WHERE tenant = %s AND user_id = %s AND type <> {_IMPRESSION} AND type = ANY(%s)
ORDER BY event_time DESC, seq DESC LIMIT %s
"""  # noqa: S608
_ITEM_SETS = f"""
SELECT item_id, bool_or(type = ANY(%s)), bool_or(type = ANY(%s)) FROM events
WHERE tenant = %s AND user_id = %s AND type <> {_IMPRESSION}
GROUP BY item_id ORDER BY max(event_time) DESC LIMIT %s
"""  # noqa: S608
_NEWEST_USERS = """
SELECT DISTINCT user_id FROM (SELECT user_id FROM events WHERE tenant = %s ORDER BY seq DESC LIMIT %s) AS newest
"""
_COUNT_KNOWN = "SELECT count(*) FROM events WHERE tenant = %s AND event_id = ANY(%s)"
_INTERACTION_TYPES = sorted(map(int, INTERACTIONS))
_HIDING_TYPES = sorted(map(int, HIDINGS))


class UserRecord(NamedTuple):
    """What the database knows of a user.

    Attributes:
        events: As asked for, newest first, impressions left out.
        history: What models read, with each event's seq: newest first, at most HISTORY_EVENTS.
        seen_item_ids: Items interacted with, newest first.
        hidden_item_ids: Items disliked or hidden, newest first.
    """

    events: list[Event]
    history: list[tuple[Event, int]]
    seen_item_ids: list[str]
    hidden_item_ids: list[str]


class EventStore:
    """Reads and writes events. Every method raises UnavailableError or OverloadedError when the database is away."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        """Use a pool whose connections commit each statement."""
        self._pool = pool
        self._tenant = tenant

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        async with (
            connection(self._pool, timeout=_CONNECTION_SECONDS) as database,
            asyncio.timeout(_STATEMENT_SECONDS),
        ):
            yield database

    async def insert(self, events: Sequence[Event]) -> dict[str, int]:
        """Commit the events that are not known yet; when this returns they are on disk.

        Returns:
            seq by event id, of those recorded now. Of events with one id the first counts.
        """
        columns = [list(column) for column in zip(*events, strict=True)]
        async with self._connection() as database:
            cursor = await database.execute(_INSERT, (*columns, self._tenant))
            return dict(await cursor.fetchall())

    async def user_record(self, user_id: str, limit: int, scenario: str) -> UserRecord:
        """Read what is known of a user; empty for an unknown one.

        Args:
            user_id: Who.
            limit: Events wanted.
            scenario: Only events of this scenario; empty means all. History and item sets always cover all.
        """
        key = (self._tenant, user_id)
        async with (
            self._connection() as database,
            database.pipeline(),
            database.cursor() as events,
            database.cursor() as history,
            database.cursor() as item_sets,
        ):
            await events.execute(_EVENTS, (*key, scenario, scenario, limit))
            await history.execute(_HISTORY, (*key, _INTERACTION_TYPES, HISTORY_EVENTS))
            await item_sets.execute(_ITEM_SETS, (_INTERACTION_TYPES, _HIDING_TYPES, *key, MAX_ITEM_SETS))
            items = await item_sets.fetchall()
            return UserRecord(
                [Event._make(row) for row in await events.fetchall()],
                [(Event._make(row[:-1]), row[-1]) for row in await history.fetchall()],
                [item_id for item_id, is_seen, _ in items if is_seen],
                [item_id for item_id, _, is_hidden in items if is_hidden],
            )

    async def count_known(self, event_ids: list[str]) -> int:
        """Return how many of these different ids are recorded."""
        async with self._connection() as database:
            row = await (await database.execute(_COUNT_KNOWN, (self._tenant, event_ids))).fetchone()
            return int(row[0]) if row else 0

    async def newest_users(self, count: int) -> list[str]:
        """Return the users of the newest events."""
        async with self._connection() as database:
            cursor = await database.execute(_NEWEST_USERS, (self._tenant, count))
            return [user_id for (user_id,) in await cursor.fetchall()]
