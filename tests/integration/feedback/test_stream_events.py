"""StreamEvents: acknowledged one by one, in order, after the commit."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import grpc
import pytest
from trommel.feedback.v1 import feedback_pb2 as pb
from trommel.feedback.v1 import feedback_pb2_grpc

from services.feedback.composition import compose
from services.plumbing.server import serving


async def stream(feedback, events):
    async def requests():
        for event in events:
            yield pb.StreamEventsRequest(event=event)

    return [response.result async for response in feedback.StreamEvents(requests())]


def count(database, tenant):
    return database.execute("SELECT count(*) FROM events WHERE tenant = %s", (tenant,)).fetchone()[0]


async def test_each_event_is_acknowledged_by_its_id_in_order(feedback, database, tenant, make_event):
    events = [make_event(f"u{number % 5}") for number in range(1200)]
    results = await stream(feedback, events)
    assert [result.event_id for result in results] == [event.event_id for event in events]
    assert {result.status for result in results} == {pb.EventResult.STATUS_RECORDED}
    assert count(database, tenant) == 1200


async def test_a_bad_event_is_rejected_alone_and_the_stream_goes_on(feedback, database, tenant, make_event):
    events = [make_event(), make_event(user_id="x" * 129), make_event()]
    statuses = [result.status for result in await stream(feedback, [*events, events[0]])]
    assert statuses == [
        pb.EventResult.STATUS_RECORDED,
        pb.EventResult.STATUS_REJECTED,
        pb.EventResult.STATUS_RECORDED,
        pb.EventResult.STATUS_DUPLICATE,
    ]
    assert count(database, tenant) == 2


async def test_an_acknowledgement_does_not_wait_for_more_events(feedback, make_event):
    call = feedback.StreamEvents()
    for _ in range(3):
        event = make_event()
        await call.write(pb.StreamEventsRequest(event=event))
        assert (await call.read()).result.event_id == event.event_id
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_an_empty_stream_ends_well(feedback):
    assert await stream(feedback, []) == []


async def test_a_sender_who_hangs_up_leaves_what_was_acknowledged(feedback, database, tenant, make_event):
    call = feedback.StreamEvents()
    await call.write(pb.StreamEventsRequest(event=make_event()))
    assert (await call.read()).result.status == pb.EventResult.STATUS_RECORDED
    call.cancel()
    assert count(database, tenant) == 1
    assert len(await stream(feedback, [make_event()])) == 1


async def test_draining_ends_a_stream_with_everything_acknowledged_in_the_table(settings, database, tenant, make_event):
    acknowledged = []
    under_way = asyncio.Event()

    async def send(feedback):
        call = feedback.StreamEvents()  # never says that it is done
        for _ in range(300):
            await call.write(pb.StreamEventsRequest(event=make_event()))
        async for response in call:
            acknowledged.append(response.result.event_id)
            under_way.set()

    async with AsyncExitStack() as server:
        register = await server.enter_async_context(compose(settings))
        port = await server.enter_async_context(serving(settings, register))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            sender = asyncio.create_task(send(feedback_pb2_grpc.FeedbackServiceStub(channel)))
            async with asyncio.timeout(30):
                await under_way.wait()
            await server.aclose()
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await sender
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "send again what was not acknowledged" in ended.value.details()
    kept = {row[0] for row in database.execute("SELECT event_id FROM events WHERE tenant = %s", (tenant,))}
    assert set(acknowledged) <= kept
