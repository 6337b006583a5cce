"""supervisord's XML-RPC over its Unix socket."""

from __future__ import annotations

import http.client
import os
import socket
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from services.embedded.supervisor_conf import SOCKET

# supervisord's process states, in the words of this package.
STATES = {
    0: "stopped",
    10: "starting",
    20: "running",
    30: "restarting",
    40: "stopping",
    100: "failed",  # exited
    200: "failed",  # given up
    1000: "failed",  # unknown
}


@dataclass(frozen=True)
class KeptProcess:
    """What supervisord knows of a program. `started_at` and `now` are seconds of its clock."""

    name: str
    state: str
    pid: int | None
    started_at: float
    now: float


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_seconds: float) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str, timeout_seconds: float) -> None:
        super().__init__()
        self._path = path
        self._timeout_seconds = timeout_seconds

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        if not (self._connection and self._connection[1]):
            self._connection = host, _UnixConnection(self._path, self._timeout_seconds)
        connection = self._connection[1]
        assert isinstance(connection, http.client.HTTPConnection)
        return connection


class SupervisorClient:
    """A connection to the supervisord of one run directory. Errors: OSError, xmlrpc.client.Error."""

    def __init__(self, run_directory: Path, *, timeout_seconds: float = 10.0) -> None:
        # A socket's name has at most 107 bytes; through a descriptor of its directory it is always short.
        self._directory = os.open(run_directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        transport = _UnixTransport(f"/proc/self/fd/{self._directory}/{SOCKET}", timeout_seconds)
        self._server = xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=transport)

    def __enter__(self) -> SupervisorClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server("close")()
        os.close(self._directory)

    def _call(self, method: str, *arguments: Any) -> Any:
        call = getattr(self._server.supervisor, method)
        try:
            return call(*arguments)
        except http.client.HTTPException as error:  # it ended in the middle of an answer
            raise ConnectionError(f"supervisord broke off ({error!r})") from error

    def pid(self) -> int:
        """The id of supervisord's own process: it is alive and answers."""
        return int(self._call("getPID"))

    def processes(self) -> dict[str, KeptProcess]:
        """All programs by name."""
        return {
            entry["name"]: KeptProcess(
                name=entry["name"],
                state=STATES.get(int(entry["state"]), "failed"),
                pid=int(entry["pid"]) or None,
                started_at=float(entry["start"]),
                now=float(entry["now"]),
            )
            for entry in self._call("getAllProcessInfo")
        }

    def take_configuration(self) -> None:
        """Reads supervisord.conf again and adds the programs that are new in it."""
        added, _changed, _removed = self._call("reloadConfig")[0]
        for name in added:
            self._call("addProcessGroup", name)

    def start(self, name: str) -> None:
        """Starts a program and returns at once; nothing happens where it runs or starts already."""
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise

    def stop(self, name: str) -> None:
        """Asks a program to end and returns at once; nothing happens where it does not run."""
        try:
            self._call("stopProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise

    def shutdown(self) -> None:
        """Ends supervisord, and what it still runs."""
        self._call("shutdown")
