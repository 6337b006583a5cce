"""Traffic: users who ask for slates, steadily, while something else happens."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
from trommel.ranking.v1.ranking_pb2 import RecommendRequest

from services.cli import stubs

_CALL_SECONDS = 5.0
_COUNT = 10


@dataclass(slots=True)
class Traffic:
    """What became of the calls; `versions` in the order in which they were first seen."""

    calls: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    degraded: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)


@asynccontextmanager
async def traffic(users: Sequence[str], calls_per_second: float) -> AsyncIterator[Traffic]:
    """Ask for slates of random users while the context is open, whether or not earlier calls are answered."""
    seen = Traffic()
    choice = random.Random(0)
    async with stubs.ranking() as ranking:

        async def one(user: str) -> None:
            seen.calls += 1
            try:
                request = RecommendRequest(user_id=user, count=_COUNT)
                slate = (await ranking.Recommend(request, timeout=_CALL_SECONDS)).slate
            except grpc.RpcError as error:
                seen.failures[error.code().name] += 1
                return
            seen.versions[slate.bundle_version] += 1
            seen.degraded.update(slate.degraded_reasons)

        async def keep_asking() -> None:
            async with asyncio.TaskGroup() as calls:
                while not stopping.is_set():
                    calls.create_task(one(choice.choice(users)))
                    await asyncio.sleep(1 / calls_per_second)

        stopping = asyncio.Event()
        asking = asyncio.create_task(keep_asking())
        try:
            yield seen
        finally:
            # The calls in flight are answered before they are counted.
            stopping.set()
            await asking
