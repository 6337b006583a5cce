"""PostgreSQL and Redis are killed (-9) at work: what was acknowledged is there, once, and histories heal."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from contextlib import asynccontextmanager, suppress

import grpc
import psycopg
from redis.exceptions import RedisError
from trommel.feedback.v1 import feedback_pb2 as pb

EVENTS = 10_000


async def record(feedback, *events):
    response = await feedback.RecordEvents(pb.RecordEventsRequest(events=events))
    assert all(result.status == pb.EventResult.STATUS_RECORDED for result in response.results)


async def send_until_acknowledged(feedback, events, acknowledged, before=None):
    """Stream events as a careful client does: after a broken stream, send again what was not acknowledged."""
    broken = 0
    while unacknowledged := [event for event in events if event.event_id not in acknowledged]:

        async def requests(unacknowledged=unacknowledged):
            for event in unacknowledged:
                if before is not None:
                    await before(event)
                yield pb.StreamEventsRequest(event=event)

        try:
            async for response in feedback.StreamEvents(requests()):
                acknowledged[response.result.event_id] += 1
        except grpc.aio.AioRpcError as error:
            # The aio client says INTERNAL "from Core" where a stream ends while it is writing, whatever the status was.
            if error.code() is not grpc.StatusCode.UNAVAILABLE and "from Core" not in str(error.details()):
                raise
            broken += 1
            await asyncio.sleep(0.1)
    return broken


WAITING = "SELECT pid FROM pg_locks WHERE relation = 'events'::regclass AND NOT granted"


@asynccontextmanager
async def killing(stack, *events):
    """Kill PostgreSQL in the middle of the commits that these events are the first to be in.

    Yields:
        What is to be awaited before an event is sent.
    """
    left, killers = {event.event_id for event in events}, []

    async def lock():
        while True:
            with suppress(psycopg.OperationalError):  # it may not be back from the time before
                database = await psycopg.AsyncConnection.connect(stack.database_url)
                await database.execute("LOCK TABLE events IN EXCLUSIVE MODE")
                return database
            await asyncio.sleep(0.1)

    async def kill_in_a_commit(locked):
        database = await lock()
        locked.set()
        while not (pids := await (await database.execute(WAITING)).fetchall()):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.01)
        # First the one that waits: it might have the lock, and commit, before it sees that the others are dead.
        for (pid,) in pids:
            os.kill(pid, signal.SIGKILL)
        stack.kill("postgres")
        await database.close()

    async def before(event):
        if event.event_id in left:
            left.remove(event.event_id)
            locked = asyncio.Event()
            killers.append(asyncio.create_task(kill_in_a_commit(locked)))
            await locked.wait()

    yield before
    assert not left
    await asyncio.gather(*killers)


async def test_every_acknowledged_event_survives_kill_9_of_postgresql_once(stack, serve, settings, tenant, make_event):
    events = [make_event(f"u{number % 50}", f"i{number}") for number in range(EVENTS)]
    acknowledged: Counter[str] = Counter()
    impatient = settings.model_copy(update={"feedback_stream_patience_seconds": 0.0})
    async with serve(impatient) as feedback, killing(stack, events[1000], events[6000]) as before:
        assert await send_until_acknowledged(feedback, events, acknowledged, before) >= 2
        assert kept_ids(stack, tenant) == Counter(event.event_id for event in events)
        history = await feedback.GetHistory(pb.GetHistoryRequest(user_id="u7"))
        assert len(history.seen_item_ids) == EVENTS // 50


async def test_a_stream_ends_unavailable_when_the_database_stays_away(serve, settings, database, tenant, make_event):
    impatient = settings.model_copy(update={"feedback_stream_patience_seconds": 0.0, "feedback_pool_size": 1})
    async with serve(impatient) as feedback:
        call = feedback.StreamEvents()
        await call.write(pb.StreamEventsRequest(event=make_event()))
        assert (await call.read()).result.status == pb.EventResult.STATUS_RECORDED
        # The one connection is cut in the middle of a commit that waits for a lock.
        with database.transaction():
            database.execute("LOCK TABLE events IN EXCLUSIVE MODE")
            await call.write(pb.StreamEventsRequest(event=make_event()))
            while not (pids := database.execute(WAITING).fetchall()):  # noqa: ASYNC110 - another process waits
                await asyncio.sleep(0.01)
            for (pid,) in pids:
                database.execute("SELECT pg_terminate_backend(%s)", (pid,))
            assert await call.code() is grpc.StatusCode.UNAVAILABLE
    assert len(kept_ids_of(database, tenant)) == 1


async def test_a_stream_outlives_a_restart_of_postgresql(stack, feedback, tenant, make_event):
    events = [make_event(f"u{number % 50}") for number in range(3000)]
    acknowledged: Counter[str] = Counter()
    async with killing(stack, events[1000]) as before:
        assert await send_until_acknowledged(feedback, events, acknowledged, before) == 0
    assert acknowledged == kept_ids(stack, tenant) == Counter(event.event_id for event in events)


def kept_ids_of(database, tenant):
    return Counter(row[0] for row in database.execute("SELECT event_id FROM events WHERE tenant = %s", (tenant,)))


def kept_ids(stack, tenant):
    with psycopg.connect(stack.database_url) as database:
        return kept_ids_of(database, tenant)


async def test_redis_away_costs_no_acknowledgement_and_the_histories_heal(
    stack, feedback, redis, tenant, make_event, until
):
    await feedback.GetHistory(pb.GetHistoryRequest(user_id="u"))
    await record(feedback, make_event(item_id="before"))
    stack.kill("redis")
    await record(feedback, make_event(item_id="during"))

    async def next_reader_asks_the_database():
        try:
            if await redis.get(f"trommel:{tenant}:known:u") is None:
                return True
            return await redis.sismember(f"trommel:{tenant}:seen:u", "during")
        except (RedisError, OSError):
            return False

    await until(next_reader_asks_the_database, "the history is whole or not known")

    async def is_rebuilt():
        await feedback.GetHistory(pb.GetHistoryRequest(user_id="u"))
        return await redis.get(f"trommel:{tenant}:known:u") == "1"

    await until(is_rebuilt, "the history is known again")
    assert await redis.smembers(f"trommel:{tenant}:seen:u") == {"before", "during"}


async def test_a_redis_that_hangs_holds_nobody_up(stack, feedback, redis, tenant, make_event, until):
    await feedback.GetHistory(pb.GetHistoryRequest(user_id="u"))
    stack.send("redis", signal.SIGSTOP)
    try:
        for number in range(20):
            await record(feedback, make_event(item_id=f"i{number}"))
        assert len((await feedback.GetHistory(pb.GetHistoryRequest(user_id="u"))).events) == 20
    finally:
        stack.send("redis", signal.SIGCONT)

    async def is_whole_or_doubted():
        known = await redis.get(f"trommel:{tenant}:known:u")
        return known is None or await redis.zcard(f"trommel:{tenant}:history:u") == 20

    await until(is_whole_or_doubted, "the history is whole or not known")


async def test_a_restart_of_redis_makes_every_history_doubtful(stack, feedback, redis, tenant, until):
    await feedback.GetHistory(pb.GetHistoryRequest(user_id="idle"))
    run_id = (await redis.info("server"))["run_id"]
    stack.kill("redis")

    async def is_back():
        try:
            return (await redis.info("server"))["run_id"] != run_id
        except (RedisError, OSError):
            return False

    async def is_doubted():
        return await redis.get(f"trommel:{tenant}:known:idle") is None

    await until(is_back, "Redis is there again")
    await until(is_doubted, "the marker is taken away")


async def test_what_a_dead_process_committed_without_telling_redis_is_found_at_the_next_start(
    serve, settings, redis, database, tenant, until, make_event
):
    async with serve(settings) as feedback:
        await feedback.GetHistory(pb.GetHistoryRequest(user_id="u"))
        assert await redis.get(f"trommel:{tenant}:known:u") == "1"
    database.execute(
        "INSERT INTO events (tenant, event_id, user_id, item_id, type, event_time) "
        "VALUES (%s, 'e', 'u', 'i', 2, now())",
        (tenant,),
    )

    async def is_doubted():
        return await redis.get(f"trommel:{tenant}:known:u") is None

    async with serve(settings):
        await until(is_doubted, "the marker is taken away")
