"""`python -m services.cli.echo_server`: a bare gRPC server that gives every slate back, the floor of all latencies.

It runs as a process of its own, on the event loop that the services use, prints its port, and ends when its
standard input is closed: it cannot outlive the command that started it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import grpc
import uvloop
from trommel.ranking.v1.ranking_pb2 import RecommendResponse

SERVICE = "trommel.Echo"
METHOD = "Echo"


async def _echo(request: RecommendResponse, _: Any) -> RecommendResponse:
    return request


async def _serve() -> None:
    # Ctrl-C at the terminal is for the command; it ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(
        _echo,
        request_deserializer=RecommendResponse.FromString,
        response_serializer=RecommendResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(_serve())
