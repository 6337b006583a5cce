"""Retention on the real PostgreSQL: what is too old goes, by one process at a time, and nothing else does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from trommel.feedback.v1 import feedback_pb2 as pb

from services.core.errors import UnavailableError
from services.feedback import retention as module
from services.feedback.retention import Retention
from services.feedback.settings import FeedbackSettings
from services.plumbing.clients.postgres import open_pool
from services.plumbing.metrics import DELETED_ROWS, RETENTION_CHECKED, RETENTION_FAILURES

Database = psycopg.Connection[tuple[object, ...]]
NOTHING = {"slates": 0, "events": 0}


def add_slates(database: Database, tenant: str, name: str, count: int, days: float) -> None:
    database.execute(
        "INSERT INTO slates (tenant, request_id, user_id, served_at)"
        " SELECT %s, %s || n, 'u', now() - %s * interval '1 day' FROM generate_series(1, %s) AS n",
        (tenant, f"{name}-", days, count),
    )


def add_events(database: Database, tenant: str, name: str, count: int, days: float, event_days: float = 3000) -> None:
    """days: How long ago they were received; event_days: how long ago they happened."""
    database.execute(
        "INSERT INTO events (tenant, event_id, user_id, item_id, type, event_time, received_at)"
        " SELECT %s, %s || n, 'u', 'item-' || n, 2, now() - %s * interval '1 day', now() - %s * interval '1 day'"
        " FROM generate_series(1, %s) AS n",
        (tenant, f"{name}-", event_days, days, count),
    )


def names(database: Database, tenant: str) -> dict[str, dict[str, int]]:
    """Return how many rows of each name a tenant has in both tables."""
    return {
        table: dict(
            database.execute(
                f"SELECT split_part({column}, '-', 1), count(*) FROM {table} WHERE tenant = %s GROUP BY 1", (tenant,)
            ).fetchall()
        )
        for table, column in (("slates", "request_id"), ("events", "event_id"))
    }


@asynccontextmanager
async def process(url: str, tenant: str, *, slates: int = 30, events: int = 0, rows: int = 100) -> AsyncIterator[Any]:
    """A process of its own as far as the database can tell; `forgotten` collects whose histories it gave up."""
    async with open_pool(url, max_size=2, autocommit=True) as pool:
        forgotten: set[str] = set()
        made: Any = Retention(pool, tenant, slates, events, forgotten.update, rows)
        made.forgotten = forgotten
        yield made


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0)


async def test_what_is_too_old_goes_and_nothing_else(stack, database, tenant):
    other = f"{tenant}-other"
    for add in (add_slates, add_events):
        add(database, tenant, "old", 250, 30.01)
        add(database, tenant, "young", 250, 29.99)
        add(database, other, "old", 10, 300)
    async with process(stack.database_url, tenant, slates=30, events=30) as retention:
        before = {table: DELETED_ROWS.labels(table)._value.get() for table in NOTHING}
        assert await retention.delete_old() == {"slates": 250, "events": 250}
        assert {table: DELETED_ROWS.labels(table)._value.get() - before[table] for table in NOTHING} == {
            "slates": 250,
            "events": 250,
        }
        assert await retention.delete_old() == NOTHING
        assert retention.forgotten == {"u"}
    assert names(database, tenant) == {"slates": {"young": 250}, "events": {"young": 250}}
    assert names(database, other) == {"slates": {"old": 10}, "events": {"old": 10}}


async def test_what_is_kept_for_ever_is_not_touched(stack, database, tenant):
    add_slates(database, tenant, "old", 5, 10_000)
    add_events(database, tenant, "old", 5, 10_000)
    async with process(stack.database_url, tenant, slates=0, events=0) as retention:
        assert await retention.delete_old() == NOTHING
    assert names(database, tenant) == {"slates": {"old": 5}, "events": {"old": 5}}


async def test_two_replicas_at_once_delete_each_row_once(stack, database, tenant):
    add_slates(database, tenant, "old", 3000, 31)
    add_events(database, tenant, "old", 3000, 31)
    add_events(database, tenant, "young", 10, 1)
    both = {"slates": 30, "events": 30, "rows": 50}
    async with process(stack.database_url, tenant, **both) as one, process(stack.database_url, tenant, **both) as two:
        deleted = dict(NOTHING)
        # Whoever finds the other at work leaves it to it: between them they are done once neither finds anything.
        for _ in range(200):
            found = await asyncio.gather(one.delete_old(), two.delete_old())
            for part in found:
                deleted = {table: deleted[table] + count for table, count in part.items()}
            if not any(any(part.values()) for part in found):
                break
    assert deleted == {"slates": 3000, "events": 3000}
    assert names(database, tenant) == {"slates": {}, "events": {"young": 10}}


async def test_while_another_process_deletes_this_one_does_not(stack, database, tenant):
    add_slates(database, tenant, "old", 10, 31)
    async with process(stack.database_url, tenant) as retention:
        with database.transaction():
            database.execute("SELECT pg_advisory_xact_lock(%s::integer, hashtext(%s))", (module._LOCK_SPACE, tenant))
            assert await retention.delete_old() == NOTHING
        assert await retention.delete_old() == {"slates": 10, "events": 0}


async def test_a_snapshot_that_reads_meanwhile_still_has_all(stack, database, tenant):
    """What a backup or a training run reads is as of one moment."""
    add_events(database, tenant, "old", 100, 31)
    with psycopg.connect(stack.database_url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert names(reader, tenant)["events"] == {"old": 100}
        async with process(stack.database_url, tenant, events=30) as retention:
            assert (await retention.delete_old())["events"] == 100
        assert names(reader, tenant)["events"] == {"old": 100}
    assert names(database, tenant)["events"] == {}


async def test_a_database_that_is_away_is_counted_and_told(tenant):
    before = RETENTION_FAILURES.labels("slates")._value.get()
    checked = RETENTION_CHECKED._value.get()
    async with process("postgresql://trommel@127.0.0.1:1/trommel", tenant) as retention:
        with pytest.raises(UnavailableError):
            await retention.delete_old()
    assert RETENTION_FAILURES.labels("slates")._value.get() == before + 1
    assert RETENTION_CHECKED._value.get() == checked


async def test_a_server_deletes_by_itself_and_cached_histories_follow(
    stack, database, redis, tenant, settings: FeedbackSettings, serve, make_event, until: Callable[..., Any]
):
    add_slates(database, tenant, "old", 3, 31)
    add_slates(database, tenant, "young", 3, 1)
    days = FeedbackSettings.model_fields["slate_retention_days"].default
    async with serve(settings.model_copy(update={"slate_retention_days": days})) as feedback:
        # Received just now, whenever it happened: an import of old events is kept.
        await feedback.RecordEvents(pb.RecordEventsRequest(events=[make_event("u", "kept", at=1_000_000)]))
        add_events(database, tenant, "old", 2, 61)
        history = await feedback.GetHistory(pb.GetHistoryRequest(user_id="u"))
        assert {event.item_id for event in history.events} == {"kept", "item-1", "item-2"}

        async def old_slates_are_gone():
            return names(database, tenant)["slates"] == {"young": 3}

        await until(old_slates_are_gone, "old slates to go")
    assert await redis.get(f"trommel:{tenant}:known:u") == "1"

    async def cached():
        members = await redis.zrange(f"trommel:{tenant}:history:u", 0, -1)
        return {json.loads(member)[1] for member in members}

    assert await cached() == {"kept", "item-1", "item-2"}
    async with serve(settings.model_copy(update={"event_retention_days": 60})) as feedback:

        async def old_events_are_gone():
            return set(names(database, tenant)["events"]) == {"e1"}

        await until(old_events_are_gone, "old events to go")

        async def cache_is_true():
            await feedback.GetHistory(pb.GetHistoryRequest(user_id="u"))
            return await cached() == {"kept"}

        await until(cache_is_true, "the cached history to lose them")


@pytest.mark.parametrize(
    ("statement", "index"), [(module._SLATES, "slates_by_time"), (module._EVENTS, "events_by_seq")]
)
def test_an_index_leads_to_the_old_end(database, tenant, statement, index):
    add_slates(database, tenant, "young", 20_000, 1)
    add_events(database, tenant, "young", 20_000, 1)
    database.execute("ANALYZE slates")
    database.execute("ANALYZE events")
    asked = {"tenant": tenant, "days": 30, "rows": 1000}
    plan = "\n".join(str(row[0]) for row in database.execute(f"EXPLAIN {statement}", asked).fetchall())
    assert index in plan
    assert "Seq Scan" not in plan
