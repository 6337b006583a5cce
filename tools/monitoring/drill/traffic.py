"""Traffic of a drill: slates are asked for, events come in, and, on demand, events that nobody can record."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import grpc
from trommel.feedback.v1 import feedback_pb2
from trommel.ranking.v1 import ranking_pb2

from tools.monitoring.drill.small_stack import SmallStack

RECOMMENDS_A_SECOND = 5.0
EVENTS_A_SECOND = 3.0
POISON_A_SECOND = 3.0


@contextmanager
def repeating(work: Callable[[], None], times_a_second: float) -> Iterator[None]:
    """Do something again and again in a thread while the context is open; calls that fail are passed over."""
    stopping = threading.Event()

    def go_on() -> None:
        due = time.monotonic()
        while not stopping.is_set():
            with suppress(grpc.RpcError):
                work()
            due = max(due + 1 / times_a_second, time.monotonic() - 1)
            stopping.wait(max(0.0, due - time.monotonic()))

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


@contextmanager
def usual_traffic(stack: SmallStack) -> Iterator[None]:
    """Ask for slates and tell events, each at its own pace."""
    users = sorted({event.user_id for event in stack.films.events})
    chance = random.Random(1)

    def recommend() -> None:
        request = ranking_pb2.RecommendRequest(user_id=chance.choice(users), count=10)
        stack.ranking.Recommend(request, timeout=2)

    def tell() -> None:
        event = feedback_pb2.Event(
            event_id=uuid.uuid4().hex,
            user_id=chance.choice(users),
            item_id=chance.choice(stack.films.items).id,
            type=feedback_pb2.EVENT_TYPE_CLICK,
        )
        stack.feedback.RecordEvents(feedback_pb2.RecordEventsRequest(events=[event]), timeout=2)

    with repeating(recommend, RECOMMENDS_A_SECOND), repeating(tell, EVENTS_A_SECOND):
        yield


def send_poison(stack: SmallStack) -> None:
    """Send events that break one rule each: no user, an endless item, a type and a year that do not exist, no value."""
    good = {"user_id": "user-0", "item_id": "drama-01", "type": feedback_pb2.EVENT_TYPE_CLICK}
    wrong: list[dict[str, object]] = [
        {"user_id": ""},
        {"item_id": "x" * 10_000},
        {"type": 99},
        {"type": feedback_pb2.EVENT_TYPE_RATING},
        {"scenario": "Not A Scenario"},
    ]
    events = [feedback_pb2.Event(event_id=uuid.uuid4().hex, **(good | changed)) for changed in wrong]  # type: ignore[arg-type]
    events[0].time.seconds = 1 << 40
    stack.feedback.RecordEvents(feedback_pb2.RecordEventsRequest(events=events), timeout=2)
