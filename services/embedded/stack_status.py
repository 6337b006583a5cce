"""What `up`, `down` and `status` report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Told one line of text for each step that takes time.
Progress = Callable[[str], None]


def silent(_line: str) -> None:
    """The progress callback of callers that show none."""


@dataclass(frozen=True)
class ProcessStatus:
    """One part of the stack.

    `state` of an embedded part: running, starting, restarting (it crashed and is being started again),
    stopping, failed, stopped. Of a part that lives elsewhere (`embedded` is False): reachable, unreachable.
    `endpoint` is host:port without a password; the worker has none ("").
    """

    name: str
    state: str
    pid: int | None
    uptime_seconds: float | None
    endpoint: str
    embedded: bool


@dataclass(frozen=True)
class StackStatus:
    """The stack after a call of `up` or `down`.

    `already_running` after `up`: there was nothing to start. `stopped_count` after `down`: how many processes
    it ended, 0 where nothing ran. `environment`: the TROMMEL_* variables a client of this stack needs,
    passwords included; empty while nothing runs.
    """

    data_dir: Path
    processes: list[ProcessStatus]
    already_running: bool = False
    stopped_count: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
