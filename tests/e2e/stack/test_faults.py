"""Parts are killed while callers call: no answer fails that need not, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator

import grpc
import psycopg
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc
from trommel.ranking.v1 import ranking_pb2

from tests.e2e.conftest import RunningStack
from tests.e2e.synthetic_films import train

PATIENCE_SECONDS = 120
PAUSE_SECONDS = 0.03
"""Between two calls of one thread. Training stands back from serving: callers without a pause would starve it."""


class Traffic:
    """Calls Recommend from a few threads until it is stopped; counts codes and what degraded the answers."""

    def __init__(self, stack: RunningStack, threads: int = 3) -> None:
        self._stack = stack
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(threads)]
        self.codes: Counter[str] = Counter()
        self.degraded: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self.full_in_a_row = 0

    def _call(self, number: int) -> None:
        user = number
        while not self._stopped.wait(PAUSE_SECONDS):
            user = (user + 3) % 200
            request = ranking_pb2.RecommendRequest(user_id=f"user-{user}", count=10)
            try:
                slate = self._stack.ranking.Recommend(request, timeout=5).slate
            except grpc.RpcError as error:
                self.codes[error.code().name] += 1
                continue
            self.codes["OK" if len(slate.items) == 10 else "SHORT"] += 1
            self.versions[slate.bundle_version] += 1
            self.degraded.update(slate.degraded_reasons)
            self.full_in_a_row = 0 if slate.degraded_reasons else self.full_in_a_row + 1

    def is_well(self) -> bool:
        """Whether the last answers were full. One is not enough: another thread's may be older than the fault."""
        return self.full_in_a_row > 20

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()


def wait_until(condition: object, what: str) -> None:
    """Wait for something that must happen; how long it takes is not judged, that it happens is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def test_triton_killed_under_traffic(stack: RunningStack) -> None:
    with Traffic(stack) as traffic:
        wait_until(traffic.is_well, "full answers")
        before = stack.process("triton").pid
        stack.process("triton").kill()
        wait_until(lambda: traffic.degraded["ranker_unavailable"] > 0, "degraded answers")
        wait_until(traffic.is_well, "full answers after the restart")
        after = stack.process("triton").pid
    assert set(traffic.codes) == {"OK"}, traffic.codes
    assert before != after


def test_a_run_goes_live_under_traffic(stack: RunningStack) -> None:
    with Traffic(stack) as traffic:
        wait_until(lambda: traffic.codes["OK"] > 30, "answers")
        run = train(stack.training, stack.ranking, warm_start=True)
        answered = traffic.versions[run.bundle_version]
        wait_until(lambda: traffic.versions[run.bundle_version] > answered + 50, "answers of the new bundle")
    assert set(traffic.codes) == {"OK"}, traffic.codes
    assert len(traffic.versions) == 2
    # Training takes the cores: a few answers may be late and say so. That is not what going live does to them.
    assert sum(traffic.degraded.values()) < 0.1 * traffic.codes["OK"], traffic.degraded


async def test_postgres_killed_while_events_stream(stack: RunningStack) -> None:
    ids = [f"streamed-{number}" for number in range(10_000)]
    acknowledged: set[str] = set()
    killed = False
    async with grpc.aio.insecure_channel(
        stack.environment["TROMMEL_FEEDBACK_URL"],
        options=[("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)],
    ) as channel:
        stub = feedback_pb2_grpc.FeedbackServiceStub(channel)

        async def requests(pending: list[str]) -> AsyncIterator[feedback_pb2.StreamEventsRequest]:
            for at, event_id in enumerate(pending):
                if at % 200 == 0:
                    await asyncio.sleep(0.005)
                event = feedback_pb2.Event(
                    event_id=event_id,
                    user_id=f"streamer-{at % 50}",
                    item_id="war-01",
                    type=feedback_pb2.EVENT_TYPE_CLICK,
                )
                yield feedback_pb2.StreamEventsRequest(event=event)

        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(acknowledged) < len(ids):
            assert time.monotonic() < deadline, f"{len(acknowledged)} acknowledged"
            pending = [event_id for event_id in ids if event_id not in acknowledged]
            try:
                async for response in stub.StreamEvents(requests(pending)):
                    assert response.result.status in (
                        feedback_pb2.EventResult.STATUS_RECORDED,
                        feedback_pb2.EventResult.STATUS_DUPLICATE,
                    )
                    acknowledged.add(response.result.event_id)
                    if not killed and len(acknowledged) > 3000:
                        killed = True
                        for process in (stack.process("postgres"), *stack.process("postgres").children(recursive=True)):
                            process.kill()
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.3)
    assert killed
    with psycopg.connect(stack.environment["TROMMEL_DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT event_id, count(*) FROM events WHERE event_id LIKE 'streamed-%' GROUP BY 1")
        counts = dict(rows.fetchall())
    assert counts == dict.fromkeys(ids, 1)
