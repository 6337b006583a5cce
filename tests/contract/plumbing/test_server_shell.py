from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import urllib.request
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import REGISTRY
from trommel.feedback.v1 import feedback_pb2 as pb

from services.core.errors import NotFoundError
from services.plumbing.metrics import start_metrics

SERVICE = "trommel.feedback.v1.FeedbackService"


async def health_of(channel: grpc.aio.Channel, service: str) -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    return int((await health_pb2_grpc.HealthStub(channel).Check(request)).status)


async def test_health_answers_for_the_server_and_its_services(server: Any) -> None:
    for name in ("", SERVICE):
        assert await health_of(server.channel, name) == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_lists_the_services(server: Any) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    answers = [answer async for answer in stub.ServerReflectionInfo(iter([asked]))]
    names = {service.name for service in answers[0].list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names


async def test_draining_says_not_serving_first_and_lets_the_rpc_in_flight_finish(start_server: Any) -> None:
    in_flight, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Any) -> None:
        in_flight.set()
        await go_on.wait()

    async with start_server(drain_delay_seconds=0.3) as server:
        server.servicer.behaviour = wait
        # A channel of its own: the fixture closes the server's before it drains.
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        stub = type(server.stub)(channel)
        running = asyncio.ensure_future(stub.GetHistory(pb.GetHistoryRequest(user_id="u")))
        await in_flight.wait()
        noticed = asyncio.ensure_future(watch.read())
        asyncio.get_running_loop().call_later(0.5, go_on.set)
    assert (await noticed).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert list((await running).seen_item_ids) == ["a"]
    await channel.close()


async def test_a_caller_who_notices_late_is_still_answered(start_server: Any) -> None:
    """It goes on for far longer than the delay; what it sends last must not be cancelled either."""
    answers = []

    async def call_on(channel: grpc.aio.Channel, stub: Any) -> None:
        until = asyncio.get_running_loop().time() + 1.0
        while asyncio.get_running_loop().time() < until:
            answers.append(await stub.GetHistory(pb.GetHistoryRequest(user_id="u")))
            await asyncio.sleep(0.02)
        await channel.close()

    async with start_server(drain_delay_seconds=0.1, drain_seconds=20.0) as server:
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
        calling = asyncio.create_task(call_on(channel, type(server.stub)(channel)))
    await calling
    assert len(answers) > 10


async def test_a_caller_who_never_notices_does_not_keep_the_server(start_server: Any) -> None:
    codes = []

    async def call_on(stub: Any) -> None:
        while not codes:
            try:
                await stub.GetHistory(pb.GetHistoryRequest(user_id="u"))
            except grpc.aio.AioRpcError as error:
                codes.append(error.code())

    async with start_server(drain_delay_seconds=0.1, drain_seconds=2.0) as server:
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
        calling = asyncio.create_task(call_on(type(server.stub)(channel)))
    await calling
    await channel.close()
    assert codes[0] in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


async def test_more_rpcs_than_allowed_are_refused_not_queued(start_server: Any) -> None:
    go_on = asyncio.Event()

    async def wait(_: Any) -> None:
        await go_on.wait()

    async with start_server(max_concurrent_rpcs=2) as server:
        server.servicer.behaviour = wait
        calls = [
            asyncio.ensure_future(server.stub.GetHistory(pb.GetHistoryRequest(user_id="u"), timeout=5))
            for _ in range(6)
        ]
        await asyncio.sleep(0.3)
        go_on.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [result for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert len(refused) >= 3
    assert {error.code() for error in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}


async def test_refused_rpcs_are_counted_and_give_way_to_later_ones(start_server: Any) -> None:
    go_on = asyncio.Event()
    labels = {"grpc_type": "unary", "grpc_service": SERVICE, "grpc_method": "GetHistory"}

    async def wait(_: Any) -> None:
        await go_on.wait()

    def counts() -> tuple[float, ...]:
        codes = ("OK", "RESOURCE_EXHAUSTED")
        return (
            sample("grpc_server_started_total", **labels),
            sample("grpc_server_handling_seconds_count", **labels),
            *(sample("grpc_server_handled_total", **labels, grpc_code=code) for code in codes),
        )

    before = counts()
    async with start_server(max_concurrent_rpcs=2) as server:
        server.servicer.behaviour = wait
        request = pb.GetHistoryRequest(user_id="u")
        served = [asyncio.ensure_future(server.stub.GetHistory(request, timeout=30)) for _ in range(2)]
        async with asyncio.timeout(30):
            while sample("trommel_grpc_in_flight_rpcs") < 2:  # noqa: ASYNC110 - the server changes it
                await asyncio.sleep(0.01)
        for _ in range(5):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await server.stub.GetHistory(request, timeout=30)
            assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert refused.value.details() == "too many calls at once; back off and try again"
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await server.stub.StreamEvents(iter([pb.StreamEventsRequest()]), timeout=30).read()
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        # A full server is not dead: health is served beside the limit.
        assert await health_of(server.channel, SERVICE) == health_pb2.HealthCheckResponse.SERVING
        go_on.set()
        await asyncio.gather(*served)
        await server.stub.GetHistory(request, timeout=30)
    # The server has ended: what it counts is counted.
    assert tuple(now - then for now, then in zip(counts(), before, strict=True)) == (8, 3, 3, 5)
    assert sample("trommel_grpc_in_flight_rpcs") == 0


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_red_metrics_count_what_the_caller_sees(server: Any) -> None:
    labels = {"grpc_type": "unary", "grpc_service": SERVICE, "grpc_method": "GetHistory"}

    async def told(context: Any) -> None:
        raise NotFoundError("nobody")

    def handled(code: str) -> float:
        return sample("grpc_server_handled_total", **labels, grpc_code=code)

    before = {code: handled(code) for code in ("OK", "NOT_FOUND", "INVALID_ARGUMENT", "INTERNAL")}
    started = sample("grpc_server_started_total", **labels)
    await server.stub.GetHistory(pb.GetHistoryRequest(user_id="u"))
    server.servicer.behaviour = told
    for request in (pb.GetHistoryRequest(user_id="u"), pb.GetHistoryRequest()):
        with pytest.raises(grpc.aio.AioRpcError):
            await server.stub.GetHistory(request)
    with pytest.raises(grpc.aio.AioRpcError):
        await server.call_raw("GetHistory", b"\xff")

    async def broken(_: Any) -> None:
        raise RuntimeError

    server.servicer.behaviour = broken
    with pytest.raises(grpc.aio.AioRpcError):
        await server.stub.GetHistory(pb.GetHistoryRequest(user_id="u"))
    await asyncio.sleep(0.05)
    after = {code: handled(code) - before[code] for code in before}
    assert after == {"OK": 1, "NOT_FOUND": 1, "INVALID_ARGUMENT": 2, "INTERNAL": 1}
    assert sample("grpc_server_started_total", **labels) - started == 5
    assert sample("grpc_server_handling_seconds_count", **labels) >= 5
    assert sample("trommel_grpc_in_flight_rpcs") == 0


async def test_red_metrics_know_who_went_away(server: Any) -> None:
    labels = {"grpc_type": "unary", "grpc_service": SERVICE, "grpc_method": "GetHistory"}
    before = sample("grpc_server_handled_total", **labels, grpc_code="CANCELLED")
    arrived = asyncio.Event()

    async def wait(_: Any) -> None:
        arrived.set()
        await asyncio.sleep(30)

    server.servicer.behaviour = wait
    call = server.stub.GetHistory(pb.GetHistoryRequest(user_id="u"))
    running = asyncio.ensure_future(call)
    await arrived.wait()
    call.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.sleep(0.2)
    assert sample("grpc_server_handled_total", **labels, grpc_code="CANCELLED") - before == 1
    assert sample("trommel_grpc_in_flight_rpcs") == 0


def test_metrics_are_served_over_http() -> None:
    port = start_metrics("127.0.0.1:0")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        assert b"grpc_server_started_total" in page.read()


def run_ranking(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.ranking.server"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_wrong_setting_is_one_clear_line() -> None:
    ended = run_ranking(TROMMEL_LISTEN="nonsense")
    assert ended.returncode == 1
    assert re.fullmatch(r"ranking: settings are not right: TROMMEL_LISTEN: .*host:port\n", ended.stderr)


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_ranking(TROMMEL_LISTEN=address, TROMMEL_LOG_LEVEL="ERROR")
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ranking: cannot listen on {address}")
    assert "TROMMEL_LISTEN" in last
    assert "Traceback" not in ended.stderr


def test_a_taken_metrics_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_ranking(TROMMEL_LISTEN="127.0.0.1:0", TROMMEL_METRICS_LISTEN=address, TROMMEL_LOG_LEVEL="ERROR")
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert address in last
    assert "TROMMEL_METRICS_LISTEN" in last
    assert "Traceback" not in ended.stderr
