"""Callers without a pause, over the channels that the command line and the services use themselves."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import grpc
from trommel.feedback.v1 import feedback_pb2, feedback_pb2_grpc
from trommel.ranking.v1 import ranking_pb2, ranking_pb2_grpc
from trommel.training.v1 import training_pb2, training_pb2_grpc

from services.plumbing.clients.channels import open_channel

_TIMEOUT_SECONDS = 10.0
_COUNT = 10
_EVENTS_A_CALL = 5
_PAUSE_AFTER_FAILURE_SECONDS = 0.01
_KEPT_STATUSES = (feedback_pb2.EventResult.STATUS_RECORDED, feedback_pb2.EventResult.STATUS_DUPLICATE)

METHODS = ("Recommend", "RecordEvents", "ListRuns")


@dataclass
class Tally:
    """What became of the calls of one method: milliseconds of those that were answered, and why others were not."""

    milliseconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    degraded: Counter[str] = field(default_factory=Counter)

    @property
    def calls(self) -> int:
        """Answered and failed."""
        return len(self.milliseconds) + self.failures.total()


class Load:
    """Calls until the context ends; `tallies` has one entry a cycle, each with a Tally a method."""

    def __init__(self, targets: Mapping[str, str], users: Sequence[str], items: Sequence[str], *, retry: bool) -> None:
        """Make it.

        Args:
            targets: gRPC target by service.
            users: For whom slates are asked, in turn.
            items: What events are about, in turn.
            retry: Whether channels may repeat what came back UNAVAILABLE, as open_channel does by default.
        """
        self._targets = targets
        self._users = users
        self._items = items
        self._retry = retry
        self._stopped = False
        self.prefix = f"rolling-{uuid.uuid4().hex[:8]}"
        """In front of the ids of all events and users that the load makes."""
        self.phase = "start"
        """What is under way, for the words about a failure."""
        self.acknowledged: set[str] = set()
        self.tallies: list[dict[str, Tally]] = []
        self.begin_cycle()

    def begin_cycle(self) -> None:
        """Count what follows by itself."""
        self.tallies.append({method: Tally() for method in METHODS})

    @asynccontextmanager
    async def running(self, *, recommend: int, events: int) -> AsyncIterator[None]:
        """Keep so many calls of each kind under way, and one that lists runs."""
        async with AsyncExitStack() as stack:

            async def channel(name: str, service: str) -> grpc.aio.Channel:
                return await stack.enter_async_context(open_channel(self._targets[name], service, retry=self._retry))

            ranking = ranking_pb2_grpc.RankingServiceStub(await channel("ranking", "trommel.ranking.v1.RankingService"))
            feedback = feedback_pb2_grpc.FeedbackServiceStub(
                await channel("feedback", "trommel.feedback.v1.FeedbackService")
            )
            training = training_pb2_grpc.TrainingServiceStub(
                await channel("training", "trommel.training.v1.TrainingService")
            )
            callers = [
                *(self._recommend(ranking.Recommend, first, recommend) for first in range(recommend)),
                *(self._record(feedback.RecordEvents, number) for number in range(events)),
                self._list_runs(training.ListRuns),
            ]
            tasks = [asyncio.create_task(caller) for caller in callers]
            try:
                yield
            finally:
                self._stopped = True
                await asyncio.gather(*tasks)

    async def _call(self, name: str, call: Callable[[], Awaitable[object]]) -> object | None:
        began = time.perf_counter()
        phase = self.phase
        tally = self.tallies[-1][name]
        try:
            answer = await call()
        except grpc.aio.AioRpcError as error:
            tally.failures[f"{error.code().name} ({error.details()}), {phase}"] += 1
            await asyncio.sleep(_PAUSE_AFTER_FAILURE_SECONDS)
            return None
        tally.milliseconds.append((time.perf_counter() - began) * 1000)
        return answer

    async def _recommend(self, method: Callable[..., Awaitable[object]], first: int, step: int) -> None:
        number = first
        while not self._stopped:
            request = ranking_pb2.RecommendRequest(user_id=self._users[number % len(self._users)], count=_COUNT)
            tally = self.tallies[-1]["Recommend"]
            answer = await self._call("Recommend", lambda: method(request, timeout=_TIMEOUT_SECONDS))  # noqa: B023
            if isinstance(answer, ranking_pb2.RecommendResponse):
                tally.degraded.update(f"{reason}, {self.phase}" for reason in answer.slate.degraded_reasons)
                if not answer.slate.items:
                    tally.failures[f"no items, {self.phase}"] += 1
            number += step

    async def _record(self, method: Callable[..., Awaitable[object]], number: int) -> None:
        sent = 0
        while not self._stopped:
            events = [
                feedback_pb2.Event(
                    event_id=f"{self.prefix}-{number}-{sent + at}",
                    user_id=f"{self.prefix}-{(sent + at) % 50}",
                    item_id=self._items[(sent + at) % len(self._items)],
                    type=feedback_pb2.EVENT_TYPE_CLICK,
                )
                for at in range(_EVENTS_A_CALL)
            ]
            sent += _EVENTS_A_CALL
            request = feedback_pb2.RecordEventsRequest(events=events)
            answer = await self._call("RecordEvents", lambda: method(request, timeout=_TIMEOUT_SECONDS))  # noqa: B023
            if isinstance(answer, feedback_pb2.RecordEventsResponse):
                self.acknowledged.update(one.event_id for one in answer.results if one.status in _KEPT_STATUSES)

    async def _list_runs(self, method: Callable[..., Awaitable[object]]) -> None:
        while not self._stopped:
            request = training_pb2.ListRunsRequest(page_size=5)
            await self._call("ListRuns", lambda: method(request, timeout=_TIMEOUT_SECONDS))  # noqa: B023
