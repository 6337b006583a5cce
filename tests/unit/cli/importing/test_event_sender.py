from __future__ import annotations

import asyncio
import random

import pytest
from trommel.feedback.v1 import feedback_pb2 as wire

from services.cli.importing.event_sender import send_events


class RecordingFeedback:
    """Answers batches after a random while, and remembers the order in which they were committed."""

    def __init__(self) -> None:
        self.committed: list[wire.Event] = []
        self.in_flight = self.most_in_flight = 0
        self.sizes: list[int] = []

    async def RecordEvents(self, request: wire.RecordEventsRequest, **options: float) -> wire.RecordEventsResponse:
        assert options["timeout"] > 0
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(random.random() / 200)
        self.in_flight -= 1
        known = {event.event_id for event in self.committed}
        self.sizes.append(len(request.events))
        answer = wire.RecordEventsResponse()
        for event in request.events:
            status = wire.EventResult.STATUS_DUPLICATE if event.event_id in known else wire.EventResult.STATUS_RECORDED
            if event.item_id == "bad":
                answer.results.add(event_id=event.event_id, status=wire.EventResult.STATUS_REJECTED, reason="no")
            else:
                answer.results.add(event_id=event.event_id, status=status)
                self.committed.append(event)
        return answer


def events(count: int, users: int) -> list[wire.Event]:
    return [wire.Event(event_id=str(n), user_id=f"u{n % users}", item_id=str(n)) for n in range(count)]


async def test_every_users_events_arrive_in_the_order_of_the_file_with_a_few_batches_in_flight() -> None:
    service = RecordingFeedback()
    sent = await send_events(service, events(20_000, 50), lambda _: None)
    assert (sent.recorded, sent.duplicate, sent.rejected.rejected) == (20_000, 0, 0)
    assert 1 < service.most_in_flight <= 4
    assert max(service.sizes) == 1000
    for user in {event.user_id for event in service.committed}:
        order = [int(event.event_id) for event in service.committed if event.user_id == user]
        assert order == sorted(order)


async def test_doing_it_again_records_nothing_twice() -> None:
    service = RecordingFeedback()
    await send_events(service, events(1500, 7), lambda _: None)
    sent = await send_events(service, events(3000, 7), lambda _: None)
    assert (sent.recorded, sent.duplicate) == (1500, 1500)


async def test_rejections_are_counted_by_reason_and_progress_is_told() -> None:
    service = RecordingFeedback()
    rows = [*events(10, 2), wire.Event(event_id="x", user_id="u0", item_id="bad")]
    told: list[int] = []
    sent = await send_events(service, rows, told.append)
    assert (sent.recorded, sent.rejected.rejected) == (10, 1)
    assert sent.rejected.to_json()["reasons"][0]["reason"] == "no"
    assert told[-1] == 11


async def test_a_failure_ends_the_import_and_comes_out_as_itself() -> None:
    class Broken:
        async def RecordEvents(self, request: wire.RecordEventsRequest, **options: float) -> None:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await send_events(Broken(), events(10_000, 5), lambda _: None)
