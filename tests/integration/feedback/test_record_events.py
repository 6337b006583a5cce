"""RecordEvents on the real PostgreSQL: what is acknowledged is there, once."""

from __future__ import annotations

import asyncio

import grpc
import psycopg
import pytest
from trommel.feedback.v1 import feedback_pb2 as pb

from services.feedback.acknowledgement_audit import AcknowledgementAudit
from services.feedback.converters import judged_from_proto
from services.feedback.event_store import EventStore
from services.plumbing.clients.postgres import open_pool
from services.plumbing.metrics import AUDITED_EVENTS, EVENTS, LOST_EVENTS, REJECTED_EVENTS

RECORDED, DUPLICATE, REJECTED = (
    pb.EventResult.STATUS_RECORDED,
    pb.EventResult.STATUS_DUPLICATE,
    pb.EventResult.STATUS_REJECTED,
)


async def record(feedback, *events):
    response = await feedback.RecordEvents(pb.RecordEventsRequest(events=events))
    assert [result.event_id for result in response.results] == [event.event_id for event in events]
    return [result.status for result in response.results]


def rows(database: psycopg.Connection, tenant: str, columns: str = "event_id"):
    return database.execute(f"SELECT {columns} FROM events WHERE tenant = %s ORDER BY seq", (tenant,)).fetchall()


async def test_an_event_counts_once_however_often_it_is_sent(feedback, database, tenant, make_event):
    one, two = make_event(), make_event()
    assert await record(feedback, one, one, two) == [RECORDED, DUPLICATE, RECORDED]
    assert await record(feedback, two, one) == [DUPLICATE, DUPLICATE]
    assert rows(database, tenant) == [(one.event_id,), (two.event_id,)]


async def test_events_are_counted_by_type_and_result(feedback, make_event):
    def counted(result, kind="purchase"):
        return EVENTS.labels(kind, result)._value.get()

    before = [counted("recorded"), counted("duplicate"), counted("rejected", "rating")]
    event = make_event(kind="PURCHASE")
    await feedback.RecordEvents(pb.RecordEventsRequest(events=[event, event, make_event(kind="RATING")]))
    after = [counted("recorded"), counted("duplicate"), counted("rejected", "rating")]
    assert after == [count + 1 for count in before]


async def test_rejected_events_are_counted_by_field(feedback, make_event):
    def counted(field):
        return REJECTED_EVENTS.labels(field)._value.get()

    before = [counted("user_id"), counted("event")]
    bad = [make_event(user_id=""), make_event(kind="RATING")]
    await feedback.RecordEvents(pb.RecordEventsRequest(events=bad))
    assert [counted("user_id"), counted("event")] == [count + 1 for count in before]


async def test_an_acknowledged_event_that_vanished_is_found_missing(stack, database, tenant, make_event):
    counters = (AUDITED_EVENTS, LOST_EVENTS)
    before = [counter._value.get() for counter in counters]
    async with open_pool(stack.database_url, autocommit=True) as pool:
        store = EventStore(pool, tenant)
        events = [judged_from_proto(make_event(), 0) for _ in range(3)]
        audit = AcknowledgementAudit(store)
        audit.note(await store.insert(events))
        await audit.look()
        database.execute("DELETE FROM events WHERE tenant = %s AND event_id = %s", (tenant, events[1].event_id))
        await audit.look()
    assert [counter._value.get() for counter in counters] == [before[0] + 3, before[1] + 1]


async def test_the_first_of_two_events_with_one_id_counts(feedback, database, tenant, make_event):
    first, second = make_event(item_id="first", event_id="x"), make_event(item_id="second", event_id="x")
    assert await record(feedback, first, second) == [RECORDED, DUPLICATE]
    assert rows(database, tenant, "item_id") == [("first",)]


async def test_a_bad_event_is_rejected_alone(feedback, database, tenant, make_event):
    good = make_event()
    bad = [
        make_event(user_id=""),
        make_event(item_id="a\0b"),
        make_event(kind="RATING"),
        make_event(event_id="x\n"),
        make_event(kind="UNSPECIFIED"),
    ]
    response = await feedback.RecordEvents(pb.RecordEventsRequest(events=[*bad, good]))
    assert [result.status for result in response.results] == [REJECTED] * len(bad) + [RECORDED]
    assert all(result.reason and "\n" not in result.reason for result in response.results[:-1])
    assert response.results[0].reason.startswith("user_id: ")
    assert rows(database, tenant) == [(good.event_id,)]


async def test_every_field_is_kept_exactly(feedback, database, tenant, make_event):
    event = make_event(
        "Ünï ☃",
        "i'{}\",\\",
        "VIEW",
        scenario="movies/home",
        value=-0.1,
        request_id="r:1",
        at=1_234_567_890_123_457,
    )
    event.dwell_time.FromMilliseconds(1500)
    plain = make_event(scenario="")
    assert await record(feedback, event, plain) == [RECORDED, RECORDED]
    columns = (
        "user_id, item_id, scenario, type, extract(epoch FROM event_time) * 1000000, dwell_seconds, value, request_id"
    )
    assert rows(database, tenant, columns) == [
        ("Ünï ☃", "i'{}\",\\", "movies/home", 3, 1_234_567_890_123_457, 1.5, -0.1, "r:1"),
        ("u", "i", "default", 2, plain.time.ToMicroseconds(), None, None, ""),
    ]
    history = await feedback.GetHistory(pb.GetHistoryRequest(user_id="Ünï ☃"))
    assert list(history.events) == [event]


async def test_an_event_without_a_time_happens_now(feedback, database, tenant, make_event):
    event = make_event()
    event.ClearField("time")
    assert await record(feedback, event) == [RECORDED]
    ((is_now,),) = rows(database, tenant, "abs(extract(epoch FROM event_time - received_at)) < 60")
    assert is_now


async def test_seq_follows_the_order_of_arrival_not_of_ids(feedback, database, tenant, make_event):
    events = [make_event(event_id=name) for name in ("c", "a", "b")]
    await record(feedback, *events)
    assert rows(database, tenant) == [("c",), ("a",), ("b",)]


async def test_batches_with_the_same_ids_in_opposite_order_do_not_deadlock(feedback, database, tenant, make_event):
    events = [make_event(f"u{number % 7}") for number in range(500)]
    statuses = await asyncio.gather(*(record(feedback, *(events if turn % 2 else events[::-1])) for turn in range(8)))
    assert sum(batch.count(RECORDED) for batch in statuses) == len(events)
    assert len(rows(database, tenant)) == len(events)


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_of_a_wrong_size_is_refused(feedback, make_event, count):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await record(feedback, *(make_event() for _ in range(count)))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "events: must hold 1 to 1000" in refused.value.details()


async def test_more_batches_than_may_wait_are_told_to_come_back(serve, settings, database, tenant, make_event):
    few = settings.model_copy(update={"feedback_max_batches": 2})
    async with serve(few) as feedback:
        # The table is locked: batches wait, and the third finds no place.
        with database.transaction():
            database.execute("LOCK TABLE events IN EXCLUSIVE MODE")
            calls = [asyncio.ensure_future(record(feedback, make_event())) for _ in range(5)]
            done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            while len(done) < 3:
                more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                done |= more
        codes = {call.exception().code() for call in done}
        assert codes == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert await asyncio.gather(*waiting) == [[RECORDED], [RECORDED]]
    assert len(rows(database, tenant)) == 2


async def test_a_caller_who_leaves_does_not_lose_the_commit_from_redis(
    feedback, database, redis, tenant, make_event, until
):
    await feedback.GetHistory(pb.GetHistoryRequest(user_id="u"))
    event = make_event(item_id="left")
    with database.transaction():
        database.execute("LOCK TABLE events IN EXCLUSIVE MODE")
        with pytest.raises(grpc.aio.AioRpcError) as left:
            await feedback.RecordEvents(pb.RecordEventsRequest(events=[event]), timeout=0.3)
        assert left.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: redis.sismember(f"trommel:{tenant}:seen:u", "left"), "the event is in Redis")
    assert rows(database, tenant) == [(event.event_id,)]
