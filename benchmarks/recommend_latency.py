"""How long a Recommend takes beside a bare gRPC echo of the same payload, in one run against a running stack.

``python benchmarks/recommend_latency.py`` asks TROMMEL_RANKING_URL. The echo is a server of its own process that does
nothing; it and Recommend are called in turns, so that both meet the same machine. Exits 1 when fewer candidates were
ranked than wanted, an answer was degraded, or the median is above ``--at-most`` times the echo's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Connection

import grpc
import numpy as np
import uvloop
from trommel.ranking.v1 import ranking_pb2, ranking_pb2_grpc

_ECHO = "/trommel.benchmark.Echo/Echo"


def _serve_echo(port: Connection) -> None:
    async def serve() -> None:
        async def echo(request: ranking_pb2.RecommendResponse, _: object) -> ranking_pb2.RecommendResponse:
            return request

        server = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(
            echo, ranking_pb2.RecommendResponse.FromString, ranking_pb2.RecommendResponse.SerializeToString
        )
        service, _, method = _ECHO.lstrip("/").partition("/")
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])
        port.send(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        await server.wait_for_termination()

    uvloop.run(serve())


async def _measure(arguments: argparse.Namespace, echo_port: int) -> dict[str, object]:
    users = arguments.users.split(",")
    async with (
        grpc.aio.insecure_channel(arguments.target) as channel,
        grpc.aio.insecure_channel(f"127.0.0.1:{echo_port}") as echo_channel,
    ):
        recommend = ranking_pb2_grpc.RankingServiceStub(channel).Recommend
        echo = echo_channel.unary_unary(
            _ECHO, ranking_pb2.RecommendResponse.SerializeToString, ranking_pb2.RecommendResponse.FromString
        )
        recommend_seconds, echo_seconds, ranked, degraded = [], [], [], 0
        for number in range(arguments.warm_up + arguments.requests):
            request = ranking_pb2.RecommendRequest(
                user_id=users[number % len(users)], scenario=arguments.scenario, count=arguments.count
            )
            started = time.perf_counter()
            response = await recommend(request, timeout=10)
            between = time.perf_counter()
            await echo(response, timeout=10)
            ended = time.perf_counter()
            if number >= arguments.warm_up:
                recommend_seconds.append(between - started)
                echo_seconds.append(ended - between)
                ranked.append(response.slate.ranked_candidate_count)
                degraded += bool(response.slate.degraded_reasons)
    return {
        "requests": arguments.requests,
        "ranked_candidates_min": min(ranked),
        "degraded_answers": degraded,
        "recommend_p50_ms": _milliseconds(recommend_seconds, 50),
        "recommend_p99_ms": _milliseconds(recommend_seconds, 99),
        "echo_p50_ms": _milliseconds(echo_seconds, 50),
        "echo_p99_ms": _milliseconds(echo_seconds, 99),
        "payload_bytes": response.ByteSize(),
        "p50_ratio": round(float(np.median(recommend_seconds) / np.median(echo_seconds)), 2),
    }


def _milliseconds(seconds: list[float], percentile: float) -> float:
    return round(float(np.percentile(seconds, percentile)) * 1000, 3)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default=os.environ.get("TROMMEL_RANKING_URL", "127.0.0.1:7102"))
    parser.add_argument("--users", default=",".join(map(str, range(1, 21))), help="ids of users with a history")
    parser.add_argument("--scenario", default="movies/home")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--warm-up", type=int, default=50)
    parser.add_argument("--min-candidates", type=int, default=300)
    parser.add_argument("--at-most", type=float, default=12.0, help="ratio of the medians that is still good")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    # Spawned, not forked: gRPC does not live through a fork.
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    server = spawn.Process(target=_serve_echo, args=(sender,), daemon=True)
    server.start()
    try:
        figures = uvloop.run(_measure(arguments, receiver.recv()))
    except grpc.aio.AioRpcError as error:
        print(f"no figures: {arguments.target} answered {error.code().name}: {error.details()}", file=sys.stderr)
        return 1
    finally:
        server.terminate()
        server.join()
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:>24} {value}")
    good = (
        figures["ranked_candidates_min"] >= arguments.min_candidates
        and figures["degraded_answers"] == 0
        and figures["p50_ratio"] <= arguments.at_most
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
