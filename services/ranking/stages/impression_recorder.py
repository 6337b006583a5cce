"""The impression: every served slate with what the ranker saw goes to feedback, behind the answer's back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from services.core.errors import DomainError
from services.core.pipeline.roles import Outcome
from services.core.query import Query
from services.plumbing.background_tasks import ended
from services.plumbing.metrics import SLATE_AGE, SLATE_QUEUE, SLATE_RECORDS
from services.plumbing.tracing import NO_SPAN, Span, SpanKind, entry_span, recorded_traceparent
from services.ranking.served_slate import ServedSlate

logger = logging.getLogger(__name__)

_BATCH_SIZE = 256
# So many do not wait for more.
_DUE_SIZE = 64
_TIMEOUT_SECONDS = 2.0
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)
_DRAIN_SECONDS = 3.0


class SlateStore(Protocol):
    """Where slates are kept."""

    async def record_slates(self, slates: Sequence[ServedSlate], timeout_seconds: float) -> None:
        """Keep up to 256 slates; sending one twice does no harm. Raises UnavailableError or TimeoutError."""
        ...


class ImpressionRecorder:
    """A bounded queue and the task that empties it. What does not fit or cannot be sent is counted, not waited for."""

    name = "impression"

    def __init__(self, store: SlateStore, policy: str, queue_size: int, linger_seconds: float) -> None:
        """linger_seconds: How long a slate waits for others to travel with; as soon as there are 64, they go."""
        self._linger_seconds = linger_seconds
        self._store = store
        self._policy = policy
        self._queue_size = queue_size
        self._queue: deque[ServedSlate] = deque()
        self._filled = asyncio.Event()
        # Wakes the task that lingers: a batch is full, or the service is closing.
        self._due = asyncio.Event()
        self._closing = asyncio.Event()
        # Those that are on their way count as waiting.
        self._sending: Sequence[ServedSlate] = ()
        SLATE_QUEUE.set_function(lambda: len(self._queue) + len(self._sending))
        SLATE_AGE.set_function(self._oldest_seconds)
        # At 0 from the start: a counter that begins with 1 shows no increase.
        for result in ("recorded", "dropped", "failed"):
            SLATE_RECORDS.labels(result)

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def after(self, outcome: Outcome) -> None:
        """Queue the slate."""
        if not len(outcome.selected):
            return
        if len(self._queue) >= self._queue_size:
            SLATE_RECORDS.labels("dropped").inc()
            return
        self._queue.append(ServedSlate(time.time(), self._policy, outcome, recorded_traceparent()))
        self._filled.set()
        if len(self._queue) >= _DUE_SIZE:
            self._due.set()

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """Send what is queued while the context is open; what is left at its end gets a few seconds."""
        task = asyncio.create_task(self._send_all())
        try:
            yield
        finally:
            self._closing.set()
            self._due.set()
            self._filled.set()
            await asyncio.wait([task], timeout=_DRAIN_SECONDS)
            await ended([task])
            SLATE_RECORDS.labels("dropped").inc(len(self._queue))

    async def _send_all(self) -> None:
        while not (self._closing.is_set() and not self._queue):
            await self._filled.wait()
            self._filled.clear()
            # One call for the slates of a moment instead of one for each.
            await _wait(self._due, self._linger_seconds)
            self._due.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(_BATCH_SIZE, len(self._queue)))]
                self._sending, result = batch, "dropped"
                try:
                    with _span_of(batch):
                        result = await self._send(batch)
                finally:
                    self._sending = ()
                    SLATE_RECORDS.labels(result).inc(len(batch))

    def _oldest_seconds(self) -> float:
        """Return how long the oldest slate has waited. Asked by the thread that serves metrics: it only reads."""
        try:
            oldest = self._sending[0] if self._sending else self._queue[0]
        except IndexError:
            return 0.0
        return max(0.0, time.time() - oldest.served_at)

    async def _send(self, batch: Sequence[ServedSlate]) -> str:
        for wait_seconds in (*_RETRY_SECONDS, None):
            try:
                await self._store.record_slates(batch, _TIMEOUT_SECONDS)
            except (DomainError, TimeoutError) as error:
                if wait_seconds is None:
                    logger.warning("%d served slates were not recorded: %s", len(batch), error)
                    break
                await self._pause(wait_seconds)
            except Exception:
                # The task must outlive a slate that cannot be sent.
                logger.exception("%d served slates could not be sent", len(batch))
                break
            else:
                return "recorded"
        return "failed"

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when the service is closing."""
        await _wait(self._closing, seconds)


def _span_of(batch: Sequence[ServedSlate]) -> Span:
    """Return a span inside the first request that is traced, with links to the others; nothing where none is."""
    traces = list(dict.fromkeys(slate.traceparent for slate in batch if slate.traceparent))
    if not traces:
        return NO_SPAN
    return entry_span("record slates", SpanKind.INTERNAL, traces[0], {"trommel.slates": len(batch)}, links=traces[1:])


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but not for ever."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
