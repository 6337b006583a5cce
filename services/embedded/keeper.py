"""supervisord of one data directory: starts it, starts and stops its programs, and says what became of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from services.embedded import log_tail
from services.embedded.data_directory import write_private
from services.embedded.launch import MARKER, PROGRAMS_FILE
from services.embedded.leftovers import is_alive
from services.embedded.programs import Program
from services.embedded.readiness import is_ready
from services.embedded.settings import StackSettings
from services.embedded.stack_error import StackError
from services.embedded.stack_status import Progress
from services.embedded.supervisor_client import SupervisorClient
from services.embedded.supervisor_conf import FILE, render

_CONTROL_WAIT_SECONDS = 20.0
# supervisord tells nobody of changes: it is asked again, by a command that has nothing else to do, up to a deadline.
_POLL_SECONDS = 0.1
# A start that fails this often in a row is reported; supervisord alone goes on trying.
_FAILED_STARTS = 2


def connect(root: Path) -> SupervisorClient | None:
    """A client of the running supervisord, None where none answers."""
    try:
        client = SupervisorClient(root / "run")
    except OSError:
        return None
    try:
        client.pid()
    except (OSError, xmlrpc.client.Error):
        client.__exit__(None, None, None)
        return None
    return client


def configure(root: Path, programs: Sequence[Program]) -> None:
    """Writes what supervisord and the launcher read. Programs of an earlier `up` that still run are kept."""
    path = root / "run" / PROGRAMS_FILE
    write_private(path, json.dumps({program.name: program.launch_entry() for program in programs}, indent=1))
    write_private(root / "run" / FILE, render(programs))


def start_supervisord(root: Path) -> SupervisorClient:
    """Starts supervisord in a session of its own, so that it outlives this command and its terminal."""
    log = root / "logs" / "supervisord.log"
    # The packages of this checkout, also where it is not installed.
    source = str(Path(__file__).parents[2])
    search = os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part)
    environment = {**os.environ, MARKER: str(root), "PYTHONPATH": search}
    errors = root / "logs" / "supervisord.err"
    with errors.open("wb") as error_file:
        process = subprocess.Popen(
            (sys.executable, "-P", "-m", "supervisor.supervisord", "--configuration", FILE),
            cwd=root / "run",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=error_file,
            start_new_session=True,
        )
    until = time.monotonic() + _CONTROL_WAIT_SECONDS
    while time.monotonic() < until:
        if client := connect(root):
            return client
        if process.poll() is not None:
            break
        time.sleep(_POLL_SECONDS)
    process.kill()
    process.wait()
    said = log_tail.last_error_line(errors)
    raise StackError(f"supervisord did not start ({said})", f"see {log}")


def start(client: SupervisorClient, names: Iterable[str], settings: StackSettings, on_progress: Progress) -> None:
    """Starts the programs side by side and returns when every one answers.

    Raises:
        StackError: one ended by itself or was not ready in time; the text has its last log line.
    """
    waiting = list(names)
    begun = {name: log_tail.size(_log(settings.root, name)) for name in waiting}
    attempts: dict[str, set[float]] = {name: set() for name in waiting}
    for name in waiting:
        on_progress(f"starting {name}")
        client.start(name)
    until = time.monotonic() + settings.start_timeout_seconds
    while waiting:
        time.sleep(_POLL_SECONDS)
        kept = client.processes()
        for name in list(waiting):
            process = kept[name]
            attempts[name].add(process.started_at)
            given_up = process.state == "failed" or (
                process.state == "restarting" and len(attempts[name]) >= _FAILED_STARTS
            )
            if given_up:
                raise _failure(name, "exited at start", begun[name], settings)
            # "running" says that it has stayed up, the probe that it answers.
            if process.state == "running" and is_ready(name, settings):
                waiting.remove(name)
                on_progress(f"{name} is ready")
        if waiting and time.monotonic() > until:
            name = waiting[0]
            raise _failure(name, f"is not ready after {settings.start_timeout_seconds:g} s", begun[name], settings)


def stop(client: SupervisorClient, names: Iterable[str], wait_seconds: float = 90.0) -> list[str]:
    """Stops the programs side by side, returns when they are gone (supervisord bounds each). Returns which ran."""
    kept = client.processes()
    running = [name for name in names if name in kept and kept[name].state not in {"stopped", "failed"}]
    for name in running:
        client.stop(name)
    until = time.monotonic() + wait_seconds
    while time.monotonic() < until:
        kept = client.processes()
        if all(kept[name].state in {"stopped", "failed"} for name in running):
            break
        time.sleep(_POLL_SECONDS)
    return running


def end(client: SupervisorClient, wait_seconds: float = 90.0) -> None:
    """Ends supervisord and waits until its process is gone."""
    try:
        process = psutil.Process(client.pid())
        client.shutdown()
    except (OSError, xmlrpc.client.Error, psutil.Error):
        return
    until = time.monotonic() + wait_seconds
    while is_alive(process) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)


def _log(root: Path, name: str) -> Path:
    return root / "logs" / f"{name}.log"


def _failure(name: str, what: str, from_byte: int, settings: StackSettings) -> StackError:
    log = _log(settings.root, name)
    return StackError(f"{name} {what}: {log_tail.last_error_line(log, from_byte=from_byte)}; see {log}")
