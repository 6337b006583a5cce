"""One service in a process of its own, as in a container: its log, its page, its address."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One service in a process of its own."""

    address: str
    metrics: str
    log: Path

    def page(self) -> str:
        asked = urllib.request.Request(
            f"http://{self.metrics}/metrics", headers={"Accept": "application/openmetrics-text"}
        )
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return str(answer.read().decode())


@contextmanager
def process(
    name: str, folder: Path, environment: dict[str, str], command: list[str] | None = None
) -> Iterator[Process]:
    """Run a service on ports that the system chooses; its log tells which. The worker has a command and no address."""
    log = folder / f"{name}-{time.time_ns()}.log"
    ports = {"TROMMEL_LISTEN": "127.0.0.1:0", "TROMMEL_METRICS_LISTEN": "127.0.0.1:0", "OMP_NUM_THREADS": "1"}
    with log.open("w") as errors:
        running = subprocess.Popen(
            command or [sys.executable, "-m", f"services.{name}.server"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment, **ports},
            stdout=errors,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + 60
        while (
            found := re.search(r"(?:serves on port (\d+)|is ready), metrics on port (\d+)", log.read_text())
        ) is None:
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < until, f"{name} does not start"
            time.sleep(0.1)
        yield Process(f"127.0.0.1:{found[1]}", f"127.0.0.1:{found[2]}", log)
    finally:
        running.terminate()
        running.wait(30)
