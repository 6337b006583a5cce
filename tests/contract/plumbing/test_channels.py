"""The channels that services and the command line use, against real servers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from trommel.feedback.v1 import feedback_pb2 as pb
from trommel.feedback.v1 import feedback_pb2_grpc as pb_grpc

from services.plumbing.clients.channels import open_channel

SERVICE = "trommel.feedback.v1.FeedbackService"
REQUEST = pb.GetHistoryRequest(user_id="u")


class Answering(pb_grpc.FeedbackServiceServicer):
    async def GetHistory(self, request: Any, context: Any) -> Any:
        return pb.GetHistoryResponse()


async def started() -> tuple[grpc.aio.Server, int]:
    """A server that stops as gRPC's own do, without the shell's drain."""
    server = grpc.aio.server()
    pb_grpc.add_FeedbackServiceServicer_to_server(Answering(), server)
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    await checks.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


async def statuses_while_one_of_two_stops(*, retry: bool) -> Counter[str]:
    """How calls end that one of two replicas has been sent and has not taken up when it stops."""
    (leaving, leaving_port), (staying, staying_port) = await started(), await started()
    target = f"ipv4:127.0.0.1:{leaving_port},127.0.0.1:{staying_port}"
    async with open_channel(target, SERVICE, retry=retry) as channel:
        stub = pb_grpc.FeedbackServiceStub(channel)
        for _ in range(6):
            # Both are connected.
            await stub.GetHistory(REQUEST, timeout=10)
        calls = [asyncio.ensure_future(stub.GetHistory(REQUEST, timeout=20)) for _ in range(40)]
        await asyncio.sleep(0)
        # The servers take up calls in this very loop: these arrive, and wait.
        time.sleep(0.1)  # noqa: ASYNC251
        await leaving.stop(None)
        answers = await asyncio.gather(*calls, return_exceptions=True)
    await staying.stop(None)
    return Counter(answer.code().name if isinstance(answer, grpc.aio.AioRpcError) else "OK" for answer in answers)


async def test_what_a_stopping_server_has_not_taken_up_is_tried_again_elsewhere() -> None:
    # Without retries they are lost to the caller: gRPC cancels them (grpc/grpc#41785).
    assert (await statuses_while_one_of_two_stops(retry=False))["CANCELLED"] > 0
    assert await statuses_while_one_of_two_stops(retry=True) == Counter(OK=40)


async def test_what_the_caller_cancels_is_not_tried_again(start_server: Any) -> None:
    arrived = asyncio.Event()

    async def never(_: Any) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with start_server() as server:
        server.servicer.behaviour = never
        async with open_channel(f"127.0.0.1:{server.port}", SERVICE) as channel:
            call = pb_grpc.FeedbackServiceStub(channel).GetHistory(REQUEST)
            await arrived.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            # Longer than the pause before another try.
            await asyncio.sleep(0.7)
            assert len(server.servicer.requests) == 1
