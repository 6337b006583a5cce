"""The batching of streams, with a recorder that commits when the test says so."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from services.core.errors import UnavailableError
from services.feedback.event import Outcome, Rejection, Status
from services.feedback.event_streams import EventStreams


class GatedRecorder:
    """Notes the batches; commits while the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[list[str]] = []
        self.failure: Exception | None = None

    async def record(self, judged, patience_seconds):
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.batches.append([one.event_id for one in judged])
        return [Outcome(one.event_id, Status.REJECTED) for one in judged]


class Sender:
    """An endless sender that counts what was taken from it."""

    def __init__(self, last: int | None = None, failure: Exception | None = None) -> None:
        self.taken = 0
        self._last = last
        self._failure = failure

    async def __aiter__(self):
        while self._last is None or self.taken < self._last:
            self.taken += 1
            yield Rejection(str(self.taken), "click", "")
            await asyncio.sleep(0)
        if self._failure is not None:
            raise self._failure


async def settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


def ids_of(batches):
    return [one.event_id for batch in batches for one in batch]


async def collect(batches, received):
    async for batch in batches:
        received.append(batch)


def streams_of(recorder, batch_size=10):
    return EventStreams(recorder, batch_size, linger_seconds=0, patience_seconds=0)


async def test_everything_comes_out_in_order_in_bounded_batches():
    recorder = GatedRecorder()
    outcomes = [batch async for batch in streams_of(recorder).outcomes(aiter(Sender(95)))]
    assert ids_of(outcomes) == [str(number) for number in range(1, 96)]
    assert max(map(len, recorder.batches)) <= 10


async def test_while_the_database_is_slow_the_sender_is_read_one_batch_ahead():
    recorder, sender = GatedRecorder(), Sender()
    recorder.gate.clear()
    async with aclosing(streams_of(recorder).outcomes(aiter(sender))) as outcomes:
        first = asyncio.ensure_future(anext(outcomes))
        await settle()
        # In the commit at most a batch, in the queue a batch, and one at the door.
        assert 10 <= sender.taken <= 21
        stalled = sender.taken
        await settle()
        assert sender.taken == stalled
        recorder.gate.set()
        await first


async def test_while_the_client_does_not_read_its_sender_is_not_read_either():
    recorder, sender = GatedRecorder(), Sender()
    async with aclosing(streams_of(recorder).outcomes(aiter(sender))) as outcomes:
        await anext(outcomes)
        await settle()
        assert sender.taken <= 21
        assert len(recorder.batches) == 1


async def test_draining_finishes_what_was_read_then_says_so():
    recorder, sender = GatedRecorder(), Sender()
    streams = streams_of(recorder)
    recorder.gate.clear()
    outcomes = streams.outcomes(aiter(sender))
    received = []

    consumer = asyncio.create_task(collect(outcomes, received))
    await settle()
    streams.begin_drain()
    recorder.gate.set()
    with pytest.raises(UnavailableError, match="send again what was not acknowledged"):
        await consumer
    assert ids_of(received) == [str(number) for number in range(1, len(ids_of(received)) + 1)]
    assert len(ids_of(received)) >= 10


async def test_draining_ends_a_stream_that_waits_for_events():
    streams = streams_of(GatedRecorder())
    silence = asyncio.Event()

    async def silent():
        await silence.wait()
        yield Rejection("never", "click", "")

    consumer = asyncio.ensure_future(anext(streams.outcomes(silent())))
    await settle()
    streams.begin_drain()
    with pytest.raises(UnavailableError):
        await consumer


async def test_a_failed_commit_ends_the_stream_unacknowledged():
    recorder = GatedRecorder()
    recorder.failure = UnavailableError("away")
    with pytest.raises(UnavailableError, match="away"):
        await anext(streams_of(recorder).outcomes(aiter(Sender(3))))


async def test_a_failure_of_reading_comes_after_what_was_read():
    recorder = GatedRecorder()
    received = []
    sender = Sender(25, ValueError("garbage"))
    with pytest.raises(ValueError, match="garbage"):
        await collect(streams_of(recorder).outcomes(aiter(sender)), received)
    assert len(ids_of(received)) == 25
