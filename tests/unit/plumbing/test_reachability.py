"""Parts are asked side by side, and the gauge follows them, away and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY

from services.plumbing.reachability import database_probe, health_probe, watching


def up(part: str) -> float | None:
    return REGISTRY.get_sample_value("trommel_part_up", {"part": part})


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not check():  # noqa: ASYNC110 - a task of its own changes it
            await asyncio.sleep(0.005)


async def test_a_part_that_fails_is_down_and_comes_back() -> None:
    away = True

    async def ask() -> None:
        if away:
            raise ConnectionError("refused")

    async with watching({"flapping": ask}, interval_seconds=0.01):
        await until(lambda: up("flapping") == 0)
        away = False
        await until(lambda: up("flapping") == 1)


async def test_a_part_that_says_nothing_is_down_and_hides_no_other() -> None:
    async def silence() -> None:
        await asyncio.Event().wait()

    async def answer() -> None: ...

    async with watching({"silent": silence, "talking": answer}, interval_seconds=0.01, timeout_seconds=0.05):
        await until(lambda: up("talking") == 1)
        await until(lambda: up("silent") == 0)


async def test_a_database_that_is_not_there_is_down() -> None:
    probe = database_probe("postgresql://nobody:secret@127.0.0.1:1/none")
    async with watching({"no_database": probe}, interval_seconds=60):
        await until(lambda: up("no_database") == 0)


async def test_a_sibling_is_up_while_it_says_that_it_serves() -> None:
    server, servicer = grpc.aio.server(), health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await servicer.set("trommel.S", health_pb2.HealthCheckResponse.SERVING)
    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        watching({"sibling": health_probe(channel, "trommel.S")}, interval_seconds=0.01),
    ):
        await until(lambda: up("sibling") == 1)
        await servicer.set("trommel.S", health_pb2.HealthCheckResponse.NOT_SERVING)
        await until(lambda: up("sibling") == 0)
    await server.stop(None)


async def test_a_probe_that_turns_its_cancellation_into_an_error_does_not_hold_up_the_end() -> None:
    asked = asyncio.Event()
    swallowed = 0

    async def swallow() -> None:
        nonlocal swallowed
        asked.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            swallowed += 1
            raise ConnectionError("its own time limit") from None

    async with asyncio.timeout(20):
        async with watching({"swallowing": swallow}, interval_seconds=60, timeout_seconds=60):
            await asked.wait()
    assert swallowed == 1
