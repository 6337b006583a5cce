"""One replica of a service: a process of its own with the stack's environment and an address of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.embedded.ports import LOOPBACK, ports_of
from services.embedded.programs import service_program
from services.embedded.settings import StackSettings

ORDER = ("candidates", "feedback", "training", "ranking")
"""In which the services are restarted: those that are called before those that call them."""

_PATIENCE_SECONDS = 90.0
_PROBE_SECONDS = 2.0
_LOOK_SECONDS = 0.05
_APART = 10
"""Between the ports of two replicas of one service."""


class Replica:
    """Starts, and ends as Kubernetes ends a pod: SIGTERM, then patience."""

    def __init__(
        self,
        name: str,
        number: int,
        settings: StackSettings,
        environment: Mapping[str, str],
        port_base: int,
        logs: Path,
    ) -> None:
        """Make it; nothing runs yet.

        Args:
            name: One of ORDER.
            number: Which of the replicas of that service, from 0.
            settings: Of the stack that has the stores, Triton and the bundle.
            environment: The TROMMEL_* variables that the replicas share.
            port_base: Of the replicas' ports.
            logs: Directory for the log.
        """
        self.name = name
        self.label = f"{name}-{number}"
        self.address = address(name, number, port_base)
        program = service_program(name, settings, environment)
        self._command = program.command
        self._directory = program.directory
        self._environment = {
            **os.environ,
            **program.environment,
            "TROMMEL_LISTEN": self.address,
            "TROMMEL_METRICS_LISTEN": f"{LOOPBACK}:0",
        }
        self.log = logs / f"{self.label}.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and return when it says SERVING. Raises RuntimeError with the end of its log if it does not."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=self._directory, env=self._environment, stdout=log, stderr=log
            )
        until = time.monotonic() + _PATIENCE_SECONDS
        while not await self._serves():
            if self._process.returncode is not None or time.monotonic() > until:
                raise RuntimeError(f"{self.label} does not serve: {self._last_words()}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def stop(self) -> None:
        """Ask it to end and wait until it has. Raises RuntimeError if it ends badly or not at all."""
        if self._process is None or self._process.returncode is not None:
            raise RuntimeError(f"{self.label} has ended by itself: {self._last_words()}")
        self._process.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.wait_for(self._process.wait(), _PATIENCE_SECONDS)
        except TimeoutError as error:
            raise RuntimeError(f"{self.label} does not end: {self._last_words()}") from error
        if code:
            raise RuntimeError(f"{self.label} ended with {code}: {self._last_words()}")

    async def kill(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _serves(self) -> bool:
        async with grpc.aio.insecure_channel(self.address) as channel:
            try:
                answer = await health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(), timeout=_PROBE_SECONDS
                )
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.is_file() else []
        return lines[-1] if lines else "it wrote nothing"


def address(name: str, number: int, port_base: int) -> str:
    """Return host:port of a replica."""
    return f"{LOOPBACK}:{ports_of(name, port_base)['grpc'] + _APART * number}"


def target(name: str, replicas: int, port_base: int) -> str:
    """Return the gRPC target of all replicas of a service, as a headless service's name stands for all its pods."""
    return "ipv4:" + ",".join(address(name, number, port_base) for number in range(replicas))
