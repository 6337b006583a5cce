"""Latency of Recommend at concurrency 1, beside a bare gRPC echo of the same payload in the same run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
import uvloop
from trommel.ranking.v1.ranking_pb2 import RecommendRequest, RecommendResponse

from services.cli import stubs
from services.cli.echo_process import echo_process
from services.cli.echo_server import METHOD, SERVICE

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
        payload_bytes: Size of the largest slate; the echo carried each both ways.
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


def measure(users: Sequence[str], calls: int = 500, count: int = 10, scenario: str = "") -> Measured:
    """Call Recommend and the echo in turns, one call at a time, so that both meet the same machine.

    The caller runs on the event loop that the services run on too.

    Args:
        users: Users to ask for, in turn.
        calls: Calls of each.
        count: Items asked for.
        scenario: Surface that is asked for.

    Raises:
        CliError: A call failed.
    """
    with echo_process() as port:
        return uvloop.run(_measure(users, calls, count, scenario, port))


async def _measure(users: Sequence[str], calls: int, count: int, scenario: str, echo_port: int) -> Measured:
    answers: list[RecommendResponse] = []

    async with stubs.ranking() as ranking, grpc.aio.insecure_channel(f"127.0.0.1:{echo_port}") as channel:
        echo = channel.unary_unary(
            f"/{SERVICE}/{METHOD}",
            request_serializer=RecommendResponse.SerializeToString,
            response_deserializer=RecommendResponse.FromString,
        )

        times: list[tuple[float, float]] = []
        for number in range(_WARM_UP_CALLS + calls):
            request = RecommendRequest(user_id=users[number % len(users)], scenario=scenario, count=count)
            started = time.perf_counter()
            answer = await ranking.Recommend(request, timeout=_CALL_SECONDS)
            between = time.perf_counter()
            await echo(answer, timeout=_CALL_SECONDS)
            times.append((between - started, time.perf_counter() - between))
            answers.append(answer)
    del times[:_WARM_UP_CALLS], answers[:_WARM_UP_CALLS]
    return Measured(
        Latencies(tuple(sorted(seconds * 1000 for seconds, _ in times))),
        Latencies(tuple(sorted(seconds * 1000 for _, seconds in times))),
        min(answer.slate.ranked_candidate_count for answer in answers),
        max(answer.ByteSize() for answer in answers),
        sum(bool(answer.slate.degraded_reasons) for answer in answers),
    )
