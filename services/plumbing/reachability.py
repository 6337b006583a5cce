"""Reachability: whether the parts that a service needs answer it, asked now and then and told by trommel_part_up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.plumbing.background_tasks import running_beside
from services.plumbing.metrics import PART_UP

logger = logging.getLogger(__name__)

Probe = Callable[[], Awaitable[object]]
"""Asks a part something small; whatever it raises means that the part is away."""

_INTERVAL_SECONDS = 5.0
_TIMEOUT_SECONDS = 2.0


@asynccontextmanager
async def watching(
    probes: Mapping[str, Probe],
    *,
    interval_seconds: float = _INTERVAL_SECONDS,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> AsyncIterator[None]:
    """Ask each part while the context is open, one beside the other: a silent one does not hide another's end.

    Args:
        probes: By the part's name, which is the label of the metric.
        interval_seconds: Time between two questions.
        timeout_seconds: Time after which a part without an answer counts as away.
    """
    watches = (_watch(part, probe, interval_seconds, timeout_seconds) for part, probe in probes.items())
    async with running_beside(*watches):
        yield


async def _watch(part: str, probe: Probe, interval_seconds: float, timeout_seconds: float) -> None:
    up, was_up = PART_UP.labels(part), True
    while True:
        try:
            async with asyncio.timeout(timeout_seconds):
                await probe()
        except Exception as error:  # noqa: BLE001 - why a part does not answer is for the log; that it does not, for all
            up.set(0)
            if was_up:
                logger.warning("%s does not answer: %s", part, type(error).__name__)
            was_up = False
        else:
            up.set(1)
            if not was_up:
                logger.info("%s answers again", part)
            was_up = True
        await asyncio.sleep(interval_seconds)


def database_probe(url: str) -> Probe:
    """Return what asks PostgreSQL over a connection of its own: a pool that is all in use is not a database away."""
    import psycopg  # ranking's image has no driver, and ranking asks no database

    async def ask() -> None:
        async with await psycopg.AsyncConnection.connect(
            url, connect_timeout=2, autocommit=True, application_name="trommel-probe"
        ) as connection:
            await connection.execute("SELECT 1")

    return ask


def health_probe(channel: grpc.aio.Channel, service: str) -> Probe:
    """Return what asks a sibling whether it serves."""
    stub = health_pb2_grpc.HealthStub(channel)

    async def ask() -> None:
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=_TIMEOUT_SECONDS)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ConnectionError(f"{service} says that it does not serve")

    return ask
