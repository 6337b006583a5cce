"""Whether a started part answers its callers."""

from __future__ import annotations

import socket

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.embedded import postgres, triton
from services.embedded.ports import LOOPBACK, ports_of
from services.embedded.programs import TRITON_WATCH
from services.embedded.secret import password
from services.embedded.settings import StackSettings

_PROBE_TIMEOUT_SECONDS = 2.0


def is_ready(name: str, settings: StackSettings) -> bool:
    """One quick probe of an embedded part. One without a port is ready when it stays up."""
    if name == "postgres":
        return postgres.is_ready(settings)
    if name == "redis":
        return _redis_is_ready(settings)
    if name == "triton":
        return triton.is_live(settings)
    if name in {"worker", TRITON_WATCH}:
        return True
    return _is_serving(ports_of(name, settings.port_base)["grpc"])


def _redis_is_ready(settings: StackSettings) -> bool:
    """PING with the password; while the append-only file is still being read the answer is an error."""
    port = ports_of("redis", settings.port_base)["redis"]
    secret = password(settings.root / "redis" / "password")
    try:
        with socket.create_connection((LOOPBACK, port), timeout=_PROBE_TIMEOUT_SECONDS) as link:
            link.sendall(f"AUTH {secret}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (part := link.recv(256)):
                answer += part
            return answer == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False


def _is_serving(port: int) -> bool:
    with grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=_PROBE_TIMEOUT_SECONDS)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def is_reachable(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=_PROBE_TIMEOUT_SECONDS):
            return True
    except OSError:
        return False
