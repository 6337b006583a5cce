"""Processes of a stack whose supervisord is gone (kill -9): finds them and ends them in order."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from services.embedded.launch import MARKER, PROGRAM, remove_shared_memory
from services.embedded.programs import STOP_STAGES
from services.embedded.supervisor_conf import PID_FILE, SOCKET
from services.embedded.triton import shared_memory_prefix

_STOP_WAIT_SECONDS = 20.0
# These write over their own environment (to show a title in ps), so they are known by where they work.
_PLACES = {"postgres": "postgres", "redis-server": "redis", "tritonserver": "triton"}


def find(root: Path) -> list[psutil.Process]:
    """The processes of the stack in that data directory; never this process or one above it."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in own and _belongs(process, root)]


def _belongs(process: psutil.Process, root: Path) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        name = process.name()
        if (place := _PLACES.get(name)) and Path(process.cwd()).is_relative_to(root / place):
            return True
        return bool(process.environ().get(MARKER) == str(root))
    except (psutil.Error, OSError):
        return False  # gone meanwhile, or another user's


def stop(processes: Iterable[psutil.Process], *, wait_seconds: float = _STOP_WAIT_SECONDS) -> int:
    """Ends them: supervisord first, then what answers callers, what holds data last. Returns how many."""
    left = list(processes)
    count = len(left)
    supervisors = [process for process in left if _role(process) == ""]
    _end(supervisors, signal.SIGKILL, wait_seconds)  # or it would start again what is ended below
    for stage in STOP_STAGES:
        members = [process for process in left if _role(process) in stage]
        for process in members:
            _send(process, signal.SIGINT if _role(process) == "postgres" else signal.SIGTERM)
        _wait_gone(members, wait_seconds)
        # SIGQUIT is PostgreSQL's immediate shutdown, which it recovers from; SIGKILL ends the others.
        _end([process for process in members if _role(process) == "postgres"], signal.SIGQUIT, 5.0)
        _end(members, signal.SIGKILL, 5.0)
    _end(left, signal.SIGKILL, 5.0)
    return count


def clean(root: Path) -> None:
    """Removes the files by which a dead stack would be taken for a living one.

    Only call it when no process of the stack is left.
    """
    for path in (root / "run" / SOCKET, root / "run" / PID_FILE, root / "stack.json"):
        path.unlink(missing_ok=True)
    # PostgreSQL checks this file's process id itself, but takes any living process with that id for a
    # PostgreSQL; ids come round again, above all in containers.
    (root / "postgres" / "data" / "postmaster.pid").unlink(missing_ok=True)
    remove_shared_memory(shared_memory_prefix(root))


def _role(process: psutil.Process) -> str:
    """The program's name in the stack; "" for supervisord itself and what has already gone."""
    try:
        name = process.name()
        if name in _PLACES:
            return _PLACES[name]
        return str(process.environ().get(PROGRAM, ""))
    except (psutil.Error, OSError):
        return ""


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.Error, OSError):  # gone meanwhile
        process.send_signal(number)


def _end(processes: list[psutil.Process], number: signal.Signals, wait_seconds: float) -> None:
    alive = [process for process in processes if is_alive(process)]
    for process in alive:
        _send(process, number)
    _wait_gone(alive, wait_seconds)


def _wait_gone(processes: list[psutil.Process], wait_seconds: float) -> None:
    until = time.monotonic() + wait_seconds
    # Nobody's children any more: they cannot be waited for, only looked at.
    while any(is_alive(process) for process in processes) and time.monotonic() < until:
        time.sleep(0.05)


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie, which only its parent can remove, does not."""
    try:
        if process.ppid() == os.getpid():
            process.wait(0)  # our own child: removed here
            return False
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.TimeoutExpired:
        return True
    except psutil.Error:
        return False
