"""Event streams: read ahead a little, commit together, acknowledge in order.

Nothing here is unbounded: a stream reads ahead at most one batch, and while the database is slow or the client does not
read its acknowledgements, it reads no further, which HTTP/2 tells the sender.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

from services.core.errors import UnavailableError
from services.feedback.event import Event, Outcome, Rejection
from services.feedback.event_recorder import EventRecorder
from services.plumbing.metrics import OPEN_STREAMS, STREAM_LAG_SECONDS

Judged = Event | Rejection
_Read = tuple[float, Judged]
"""When an event was read, on the loop's clock, and the event."""


class _End:
    """The sender is done, the server drains, or reading failed."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


class EventStreams:
    """Runs the streams in flight, and brings them to an end when the server drains."""

    def __init__(
        self, recorder: EventRecorder, batch_size: int, linger_seconds: float, patience_seconds: float
    ) -> None:
        """Make it.

        Args:
            recorder: Commits batches.
            batch_size: Events committed together at most, and read ahead at most.
            linger_seconds: Time in which a batch may fill.
            patience_seconds: Time in which a lost database is asked again before a stream breaks.
        """
        self._recorder = recorder
        self._batch_size = batch_size
        self._linger_seconds = linger_seconds
        self._patience_seconds = patience_seconds
        self._queues: set[asyncio.Queue[_Read | _End]] = set()
        self._draining = False

    def begin_drain(self) -> None:
        """End each stream after what it has read."""
        self._draining = True
        for queue in self._queues:
            if queue.empty():  # its stream may be waiting
                queue.put_nowait(_stopping())

    async def outcomes(self, judged: AsyncIterator[Judged]) -> AsyncGenerator[list[Outcome], None]:
        """Record a stream of events; yield the outcomes batch by batch, in the order of the events.

        Raises:
            UnavailableError: The database stayed away, or the server drains; what was yielded is committed.
        """
        queue: asyncio.Queue[_Read | _End] = asyncio.Queue(self._batch_size)
        self._queues.add(queue)
        OPEN_STREAMS.inc()
        reader = asyncio.create_task(_read(judged, queue))
        end: _End | None = None
        try:
            while end is None:
                batch, end = await self._next_batch(queue)
                if batch:
                    outcomes = await self._recorder.record([one for _, one in batch], self._patience_seconds)
                    STREAM_LAG_SECONDS.observe(asyncio.get_running_loop().time() - batch[0][0])
                    yield outcomes
        finally:
            self._queues.discard(queue)
            OPEN_STREAMS.dec()
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
        if end.error is not None:
            raise end.error

    async def _next_batch(self, queue: asyncio.Queue[_Read | _End]) -> tuple[list[_Read], _End | None]:
        if self._draining and queue.empty():
            return [], _stopping()
        batch: list[_Read] = []
        one = await queue.get()
        if self._linger_seconds and not isinstance(one, _End) and not queue.full() and not self._draining:
            await asyncio.sleep(self._linger_seconds)
        while not isinstance(one, _End):
            batch.append(one)
            if len(batch) == self._batch_size:
                return batch, None
            try:
                one = queue.get_nowait()
            except asyncio.QueueEmpty:
                return batch, _stopping() if self._draining else None
        return batch, one


def _stopping() -> _End:
    return _End(UnavailableError("the server is stopping; send again what was not acknowledged"))


async def _read(judged: AsyncIterator[Judged], queue: asyncio.Queue[_Read | _End]) -> None:
    end, clock = _End(), asyncio.get_running_loop().time
    try:
        async for one in judged:
            await queue.put((clock(), one))
    except Exception as error:  # noqa: BLE001 - raised again where the stream is served, after what came before it
        end = _End(error)
    await queue.put(end)
