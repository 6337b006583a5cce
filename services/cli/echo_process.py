"""The echo server as a process of its own, for as long as it is needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from services.cli.cli_error import CliError


@contextmanager
def echo_process() -> Iterator[int]:
    """Run services.cli.echo_server while the context is open; yields its port on loopback.

    Raises:
        CliError: It did not start.
    """
    # Without closing descriptors (Python's own are never inherited) the process is spawned, not forked: gRPC's fork
    # handlers are not called in a process that has channels.
    with subprocess.Popen(
        [sys.executable, "-m", "services.cli.echo_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        close_fds=False,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.strip().isdecimal():
                raise CliError("the echo server did not start: reinstall Trommel")
            yield int(line)
        finally:
            process.terminate()
