"""Events to FeedbackService: batches of 1,000, a few in flight, and each user's events in the order of the file.

Events of one moment are ordered by their arrival. So every user belongs to one lane, and a lane sends one batch
after the other: ties keep the order of the file, whatever the other lanes do.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from trommel.feedback.v1 import feedback_pb2

from services.cli.importing.tally import Tally
from services.cli.retrying import retrying
from services.cli.together import together

_BATCH_EVENTS = 1_000
_LANES = 4
_WAITING_BATCHES = 1
_CALL_SECONDS = 60.0


@dataclass(slots=True)
class Sent:
    """What became of the events: recorded now, known before, rejected."""

    recorded: int = 0
    duplicate: int = 0
    rejected: Tally = field(default_factory=Tally)

    @property
    def total(self) -> int:
        """Events answered for."""
        return self.recorded + self.duplicate + self.rejected.rejected


async def send_events(service: Any, events: Iterable[feedback_pb2.Event], report: Callable[[int], None]) -> Sent:
    """Record events.

    Args:
        service: A stub of FeedbackService.
        events: The events; at most a few thousand are held at a time.
        report: Told the number of events answered for so far.
    """
    sent = Sent()
    queues = [asyncio.Queue[feedback_pb2.RecordEventsRequest | None](_WAITING_BATCHES) for _ in range(_LANES)]
    await together([_deal(events, queues), *(_lane(service, queue, sent, report) for queue in queues)])
    return sent


async def _deal(
    events: Iterable[feedback_pb2.Event], queues: list[asyncio.Queue[feedback_pb2.RecordEventsRequest | None]]
) -> None:
    batches = [feedback_pb2.RecordEventsRequest() for _ in queues]
    for event in events:
        lane = zlib.crc32(event.user_id.encode()) % len(queues)
        batches[lane].events.append(event)
        if len(batches[lane].events) == _BATCH_EVENTS:
            await queues[lane].put(batches[lane])
            batches[lane] = feedback_pb2.RecordEventsRequest()
    for queue, batch in zip(queues, batches, strict=True):
        if batch.events:
            await queue.put(batch)
        await queue.put(None)


async def _lane(
    service: Any,
    queue: asyncio.Queue[feedback_pb2.RecordEventsRequest | None],
    sent: Sent,
    report: Callable[[int], None],
) -> None:
    while (request := await queue.get()) is not None:
        answer = await retrying(lambda request=request: service.RecordEvents(request, timeout=_CALL_SECONDS))  # type: ignore[misc]
        counts = Counter(result.status for result in answer.results)
        sent.recorded += counts[feedback_pb2.EventResult.STATUS_RECORDED]
        sent.duplicate += counts[feedback_pb2.EventResult.STATUS_DUPLICATE]
        if counts[feedback_pb2.EventResult.STATUS_REJECTED]:
            for result in answer.results:
                if result.status == feedback_pb2.EventResult.STATUS_REJECTED:
                    sent.rejected.reject(result.reason)
        report(sent.total)
