"""The gRPC server shell: what every Trommel server is made of, from the open port to the drained end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypeVar, runtime_checkable

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from pydantic import ValidationError

from services.plumbing.interceptors.arrivals import ArrivalsInterceptor
from services.plumbing.interceptors.errors import ErrorInterceptor
from services.plumbing.interceptors.red_metrics import RedMetricsInterceptor
from services.plumbing.interceptors.tracing import TracingInterceptor
from services.plumbing.interceptors.validation import ValidationInterceptor
from services.plumbing.logs import start_logging
from services.plumbing.metrics import GRPC_LIMIT, start_metrics
from services.plumbing.redaction import redacted
from services.plumbing.settings import ServerSettings
from services.plumbing.tls import server_credentials
from services.plumbing.tracing import is_on, start_tracing, stop_tracing

logger = logging.getLogger(__name__)

# The limit on RPCs is kept, and counted, by an interceptor, which sees a call when its request has come. gRPC's own
# limit only bounds how many calls may be open whose requests are still on their way; what it refuses nobody counts.
_OPEN_PER_SERVED = 2
# A refused call holds its place for a moment after its answer has left: with a small limit that would count.
_REFUSED_ON_THEIR_WAY = 64

S = TypeVar("S", bound=ServerSettings)

# While draining: the time without an RPC that counts as quiet, and how long clients who notice late are waited for.
_QUIET_SECONDS = 0.2
_LATE_SECONDS = 5.0

Register = Callable[[grpc.aio.Server], Sequence[str]]
"""Adds servicers to a server and returns the full names of their services."""


@runtime_checkable
class Drainable(Protocol):
    """A Register that wants to know when the server stops, because its streams would go on for ever."""

    def begin_drain(self) -> None:
        """Bring streams in flight to an end; new RPCs are refused already."""
        ...


def make_server(settings: ServerSettings, arrivals: ArrivalsInterceptor) -> grpc.aio.Server:
    """Return a server with the interceptors and limits that all services share."""
    GRPC_LIMIT.set(settings.max_concurrent_rpcs)
    age_milliseconds = int(settings.max_connection_age_seconds * 1000)
    return grpc.aio.server(
        interceptors=[
            arrivals,
            *([TracingInterceptor()] if is_on() else []),
            RedMetricsInterceptor(settings.max_concurrent_rpcs),
            ErrorInterceptor(),
            ValidationInterceptor(),
        ],
        maximum_concurrent_rpcs=_OPEN_PER_SERVED * settings.max_concurrent_rpcs + _REFUSED_ON_THEIR_WAY,
        options=[
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            ("grpc.max_send_message_length", settings.max_message_bytes),
            ("grpc.so_reuseport", 0),
            ("grpc.max_connection_age_ms", age_milliseconds),
            ("grpc.max_connection_age_grace_ms", age_milliseconds),
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.keepalive_permit_without_calls", 1),
        ],
    )


@asynccontextmanager
async def serving(settings: ServerSettings, register: Register) -> AsyncIterator[int]:
    """Serve until the context is left, then drain; yields the port.

    Draining: health says NOT_SERVING, clients get drain_delay_seconds to notice, and some seconds more while RPCs
    still come; then new RPCs are refused, and those in flight get drain_seconds.
    """
    arrivals = ArrivalsInterceptor()
    server = make_server(settings, arrivals)
    names = (*register(server), health.SERVICE_NAME, reflection.SERVICE_NAME)
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection(names, server)
    port = _bind(server, settings.listen, "TROMMEL_LISTEN", server_credentials(settings))
    health_server = None
    if settings.health_listen is not None:
        # Probes carry no certificate, and a server that is full must not look dead.
        health_server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(health_servicer, health_server)
        _bind(health_server, settings.health_listen, "TROMMEL_HEALTH_LISTEN", None)
        await health_server.start()
    await server.start()
    for name in ("", *names):
        await health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield port
    finally:
        await health_servicer.enter_graceful_shutdown()
        await asyncio.sleep(settings.drain_delay_seconds)
        # gRPC cancels what has come and is not taken up yet when it stops (grpc/grpc#41785), and few clients repeat
        # CANCELLED: stop only when nothing comes any more. Clients that never look at health are not waited for long.
        await arrivals.quiet(min(_QUIET_SECONDS, settings.drain_delay_seconds), _LATE_SECONDS)
        stopping = asyncio.create_task(server.stop(settings.drain_seconds))
        await asyncio.sleep(0)
        if isinstance(register, Drainable):
            register.begin_drain()
        await stopping
        if health_server is not None:
            await health_server.stop(None)


def _bind(server: grpc.aio.Server, address: str, setting: str, credentials: grpc.ServerCredentials | None) -> int:
    """Listen on host:port, with TLS where there are credentials; return the port."""
    try:
        if credentials is None:
            return int(server.add_insecure_port(address))
        return int(server.add_secure_port(address, credentials))
    except RuntimeError as error:
        raise OSError(
            f"cannot listen on {address}: the port is taken or not allowed; set {setting} to another"
        ) from error


async def until_stopped() -> None:
    """Wait for SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def _spare_requests_the_collector() -> None:
    """Take what start-up made out of the garbage collector's sight, and let it look less often.

    A full collection walks every object of the process; on the request path it is a pause of tens of milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def run_service(
    name: str,
    read_settings: Callable[[], S],
    compose: Callable[[S], AbstractAsyncContextManager[Register]],
) -> None:
    """Run one service to its end: settings, composition, serving, drain. Exits 1 with one line when it cannot start.

    `name` is a key of services.plumbing.metrics.REPORTED. `compose` opens what the service needs (pools, channels,
    watchers) and closes it after the drain.
    """
    try:
        settings = read_settings()
    except ValidationError as error:
        names = "; ".join(f"TROMMEL_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        sys.exit(f"{name}: settings are not right: {names}")
    start_logging(name, settings.log_level)
    start_tracing(name)

    async def serve() -> None:
        async with compose(settings) as register, serving(settings, register) as port:
            metrics_port = start_metrics(settings.metrics_listen, name)
            logger.info("%s serves on port %d, metrics on port %d", name, port, metrics_port)
            _spare_requests_the_collector()
            await until_stopped()
            logger.info("%s drains", name)
        logger.info("%s has stopped", name)

    try:
        uvloop.run(serve())
    except OSError as error:
        sys.exit(redacted(f"{name}: {error}"))
    finally:
        stop_tracing()
