"""The stack's ports, all on loopback, and whether they are free."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping

import psutil

from services.embedded.stack_error import StackError

LOOPBACK = "127.0.0.1"
_PORTS_TOLD = 2

# Offsets from TROMMEL_PORT_BASE. The first port of a part is its endpoint.
OFFSETS: Mapping[str, Mapping[str, int]] = {
    "candidates": {"grpc": 1, "metrics": 11},
    "ranking": {"grpc": 2, "metrics": 12},
    "feedback": {"grpc": 3, "metrics": 13},
    "training": {"grpc": 4, "metrics": 14},
    "worker": {"metrics": 15},
    "postgres": {"postgres": 20},
    "redis": {"redis": 21},
    "triton": {"http": 30, "grpc": 31, "metrics": 32},
}


def ports_of(name: str, port_base: int) -> dict[str, int]:
    """The ports of a part by purpose; none for one that listens nowhere."""
    return {purpose: port_base + offset for purpose, offset in OFFSETS.get(name, {}).items()}


def is_free(port: int) -> bool:
    """Whether a server could listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections in TIME_WAIT do not count, listeners do.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def holder(port: int) -> str:
    """Who listens on the port, as "name (process 123)", or "another program" where that cannot be seen."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return "another program"


def check_free(names: Iterable[str], port_base: int) -> None:
    """Raises StackError that names the busy ports of the parts, and who holds the first ones."""
    busy = [(name, port) for name in names for port in ports_of(name, port_base).values() if not is_free(port)]
    if not busy:
        return
    told = [f"port {port} ({name}) is in use by {holder(port)}" for name, port in busy[:_PORTS_TOLD]]
    if more := busy[_PORTS_TOLD:]:
        told.append(f"{len(more)} more are busy ({', '.join(str(port) for _, port in more)})")
    raise StackError("; ".join(told), f"stop it, or set TROMMEL_PORT_BASE to another base than {port_base}")
