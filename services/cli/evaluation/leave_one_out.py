"""Leave-one-out over the running stack: every user's slate is asked for and held against the item they met next.

The same requests that a front end sends; only items of the user's own history are left out. Popularity is the
baseline: counted over the histories that the stack knows, the user's own items left out alike.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from trommel.feedback.v1.feedback_pb2 import GetHistoryRequest
from trommel.ranking.v1.ranking_pb2 import RecommendRequest

from services.cli.importing.holdout import HeldOutEvent
from services.cli.retrying import retrying
from services.cli.together import together

LIST_ITEMS = 100
# Enough to keep a small machine busy; more would only make answers late.
CONCURRENCY = 4
# Quality is measured here, not speed: nobody's slate shall be degraded for want of time.
_BUDGET_SECONDS = 10
_CALL_SECONDS = 15.0


@dataclass(slots=True)
class Histories:
    """What the stack knows of the held-out users: items each has met, and how many users have met an item."""

    seen: dict[str, frozenset[str]] = field(default_factory=dict)
    user_counts: Counter[str] = field(default_factory=Counter)

    def leaks(self, held_out: Sequence[HeldOutEvent]) -> list[HeldOutEvent]:
        """Return the held-out events that the stack has been told after all."""
        return [event for event in held_out if event.item_id in self.seen.get(event.user_id, ())]

    def popular(self, user_id: str, count: int) -> list[str]:
        """Return the items that most users have met, without the user's own; equals in the order of their ids."""
        seen = self.seen.get(user_id, frozenset())
        if not self._order:
            self._order.extend(sorted(self.user_counts, key=lambda item: (-self.user_counts[item], item)))
        found: list[str] = []
        for item in self._order:
            if item not in seen:
                found.append(item)
                if len(found) == count:
                    break
        return found

    _order: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Served:
    """The lists that were served, by user, and what was notable about the answers.

    milliseconds: of each answer, CONCURRENCY calls at a time. seconds: of all calls together.
    """

    lists: dict[str, list[str]] = field(default_factory=dict)
    degraded: Counter[str] = field(default_factory=Counter)
    bundle_versions: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    seconds: float = 0.0


async def read_histories(service: Any, users: Sequence[str], report: Callable[[int], None]) -> Histories:
    """Ask FeedbackService what each user has met."""
    found = Histories()

    async def one(user: str) -> None:
        request = GetHistoryRequest(user_id=user, limit=1)
        answer = await retrying(lambda: service.GetHistory(request, timeout=_CALL_SECONDS))
        found.seen[user] = frozenset(answer.seen_item_ids)
        found.user_counts.update(found.seen[user])

    await _side_by_side(users, one, report)
    return found


async def serve_all(service: Any, users: Sequence[str], scenario: str, report: Callable[[int], None]) -> Served:
    """Ask RankingService for each user's slate. A call that fails leaves that user without a list, and is counted."""
    served = Served()

    async def one(user: str) -> None:
        request = RecommendRequest(
            user_id=user, scenario=scenario, count=LIST_ITEMS, time_budget=Duration(seconds=_BUDGET_SECONDS)
        )
        started = time.perf_counter()
        try:
            slate = (await service.Recommend(request, timeout=_CALL_SECONDS)).slate
        except grpc.RpcError as error:
            served.failures[error.code().name] += 1
            return
        served.milliseconds.append((time.perf_counter() - started) * 1000)
        served.lists[user] = [item.item_id for item in slate.items]
        served.bundle_versions[slate.bundle_version] += 1
        if slate.degraded_reasons:
            served.degraded[", ".join(slate.degraded_reasons)] += 1

    began = time.perf_counter()
    await _side_by_side(users, one, report)
    served.seconds = time.perf_counter() - began
    return served


async def _side_by_side(users: Sequence[str], one: Callable[[str], Any], report: Callable[[int], None]) -> None:
    waiting = iter(users)
    done = 0

    async def worker() -> None:
        nonlocal done
        for user in waiting:
            await one(user)
            done += 1
            report(done)

    await together(worker() for _ in range(CONCURRENCY))
