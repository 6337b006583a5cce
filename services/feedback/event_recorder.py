"""The event recorder: commit, then tell Redis, then say what became of each event."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from itertools import product
from typing import Any, TypeVar

from services.feedback.acknowledgement_audit import AcknowledgementAudit
from services.feedback.event import WHOLE_EVENT, Event, EventType, Outcome, Rejection, Status
from services.feedback.event_store import EventStore
from services.feedback.history_keeper import HistoryKeeper
from services.feedback.patience import patiently
from services.plumbing.metrics import EVENT_BATCH_SIZE, EVENT_COMMIT_SECONDS, EVENTS, REJECTED_EVENTS

T = TypeVar("T")
_TYPE_NAMES = {int(kind): kind.name.lower() for kind in EventType}


class EventRecorder:
    """Records events."""

    def __init__(self, store: EventStore, keeper: HistoryKeeper, audit: AcknowledgementAudit) -> None:
        self._store = store
        self._keeper = keeper
        self._audit = audit
        # At 0 from the start: a counter that begins with 1 shows no increase.
        for type_name, status in product((*_TYPE_NAMES.values(), "unknown"), Status):
            EVENTS.labels(type_name, status.value)
        REJECTED_EVENTS.labels(WHOLE_EVENT)
        self._running: set[asyncio.Task[Any]] = set()

    async def record(self, judged: Sequence[Event | Rejection], patience_seconds: float) -> list[Outcome]:
        """Record a batch; when this returns, what is RECORDED or DUPLICATE is committed.

        Args:
            judged: Valid events and rejections, in the caller's order.
            patience_seconds: Time in which a lost database is asked again. An event whose commit was lost from sight
                may then come out as DUPLICATE: it is recorded, once.

        Returns:
            One outcome an event, in the same order.

        Raises:
            UnavailableError: The database is away; nothing may be acknowledged.
            OverloadedError: Too many wait for it already.
        """
        events = [one for one in judged if isinstance(one, Event)]
        seqs: dict[str, int] = {}
        if events:
            # A caller who leaves does not tear the commit from what must follow it in Redis.
            seqs = await patiently(lambda: self._to_the_end(self._commit(events)), patience_seconds)
            self._audit.note(seqs)
        counts: Counter[tuple[str, Status]] = Counter()
        outcomes = []
        for one in judged:
            if isinstance(one, Rejection):
                outcome = Outcome(one.event_id, Status.REJECTED, one.reason)
                counts[one.type_name, Status.REJECTED] += 1
                REJECTED_EVENTS.labels(one.field).inc()
            else:
                status = Status.DUPLICATE if seqs.pop(one.event_id, None) is None else Status.RECORDED
                outcome = Outcome(one.event_id, status)
                counts[_TYPE_NAMES[one.type], status] += 1
            outcomes.append(outcome)
        for (type_name, status), count in counts.items():
            EVENTS.labels(type_name, status.value).inc(count)
        return outcomes

    async def _commit(self, events: Sequence[Event]) -> dict[str, int]:
        began = time.perf_counter()
        seqs = await self._store.insert(events)
        EVENT_COMMIT_SECONDS.observe(time.perf_counter() - began)
        EVENT_BATCH_SIZE.observe(len(events))
        recorded: dict[str, tuple[Event, int]] = {}
        doubtful = set()
        for event in events:
            seq = seqs.get(event.event_id)
            if seq is None:
                doubtful.add(event.user_id)
            else:
                recorded.setdefault(event.event_id, (event, seq))
        await self._keeper.follow(recorded.values(), doubtful)
        return seqs

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may have left; the failure was theirs to hear

    async def finish(self) -> None:
        """Wait for the commits whose callers have left."""
        await asyncio.gather(*self._running, return_exceptions=True)
