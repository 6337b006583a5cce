"""Latency of Recommend at concurrency 1, beside a bare gRPC echo of the same payload in the same run."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from trommel.ranking.v1.ranking_pb2 import RecommendRequest, RecommendResponse

from services.cli import stubs
from services.cli.echo_server import METHOD, SERVICE

# Rounds of both, in turn: what slows the machine for a while slows both.
_ROUNDS = 5
_WARM_UP_CALLS = 20
_CALL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Latencies:
    """Times of single calls in milliseconds, ascending."""

    milliseconds: tuple[float, ...]

    def percentile(self, percent: float) -> float:
        """Return the time within which `percent` of the calls were answered."""
        place = min(len(self.milliseconds) - 1, int(len(self.milliseconds) * percent / 100))
        return self.milliseconds[place]


@dataclass(frozen=True, slots=True)
class Measured:
    """Recommend beside the echo.

    Attributes:
        recommend: Times of Recommend.
        echo: Times of the echo.
        least_ranked: Fewest candidates that any of the answers ranked.
        payload_bytes: Size of the slate that the echo carried both ways.
        degraded: Answers that were degraded.
    """

    recommend: Latencies
    echo: Latencies
    least_ranked: int
    payload_bytes: int
    degraded: int

    @property
    def ratio(self) -> float:
        """Recommend's median in medians of the echo."""
        return self.recommend.percentile(50) / self.echo.percentile(50)


async def measure(users: Sequence[str], calls: int = 500, count: int = 10) -> Measured:
    """Call Recommend and the echo, one call at a time.

    Args:
        users: Users to ask for, in turn.
        calls: Calls of each.
        count: Items asked for.
    """
    answers: list[RecommendResponse] = []

    async with stubs.ranking() as ranking, _echo() as echo:

        async def recommend(place: int) -> None:
            request = RecommendRequest(user_id=users[place % len(users)], count=count)
            answers.append(await ranking.Recommend(request, timeout=_CALL_SECONDS))

        await _timed(recommend, _WARM_UP_CALLS)
        payload = max(answers, key=lambda answer: answer.ByteSize())

        async def echoed(_: int) -> None:
            await echo(payload, timeout=_CALL_SECONDS)

        await _timed(echoed, _WARM_UP_CALLS)
        answers.clear()
        recommend_times: list[float] = []
        echo_times: list[float] = []
        for _ in range(_ROUNDS):
            recommend_times += await _timed(recommend, calls // _ROUNDS)
            echo_times += await _timed(echoed, calls // _ROUNDS)
    return Measured(
        Latencies(tuple(sorted(recommend_times))),
        Latencies(tuple(sorted(echo_times))),
        min(answer.slate.ranked_candidate_count for answer in answers),
        payload.ByteSize(),
        sum(bool(answer.slate.degraded_reasons) for answer in answers),
    )


async def _timed(call: Callable[[int], Awaitable[None]], count: int) -> list[float]:
    times = []
    for place in range(count):
        started = time.perf_counter()
        await call(place)
        times.append((time.perf_counter() - started) * 1000)
    return times


@asynccontextmanager
async def _echo() -> AsyncIterator[Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.cli.echo_server"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), _CALL_SECONDS))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel.unary_unary(
                f"/{SERVICE}/{METHOD}",
                request_serializer=RecommendResponse.SerializeToString,
                response_deserializer=RecommendResponse.FromString,
            )
    finally:
        process.terminate()
        await process.wait()
