"""The programs of the stack: their names, the order in which they start, and how each is run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.embedded.ports import LOOPBACK, OFFSETS, ports_of
from services.embedded.settings import StackSettings
from services.embedded.stack_error import StackError

INFRASTRUCTURE = ("postgres", "redis", "triton")
SERVICES = ("candidates", "feedback", "ranking", "training", "worker")
ALL = (*INFRASTRUCTURE, *SERVICES)
# Runs wherever Triton is embedded, as a part of it; see triton_watch.py.
TRITON_WATCH = "triton_watch"

# Each stage starts when the one before is ready. The front door opens last; stopping goes the other way
# round, so that what answers callers goes first and what holds the data goes last.
START_STAGES: tuple[tuple[str, ...], ...] = (
    ("postgres", "redis", "triton"),
    (TRITON_WATCH, "candidates", "feedback", "training", "worker"),
    ("ranking",),
)
STOP_STAGES: tuple[tuple[str, ...], ...] = (
    ("ranking",),
    (TRITON_WATCH, "candidates", "feedback", "training", "worker"),
    ("triton", "redis"),
    ("postgres",),
)


@dataclass(frozen=True)
class Program:
    """How supervisord runs one program.

    `stop_signal` asks for an orderly end, `stop_wait_seconds` bounds it. `steady_seconds`: how long it has to
    stay up to count as started. The last two fields are for the launcher (see launch.py).
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"
    stop_wait_seconds: int = 15
    steady_seconds: int = 1
    model_repository: str = ""
    shared_memory_prefix: str = ""

    def launch_entry(self) -> dict[str, Any]:
        """The program's entry in programs.json."""
        return {
            "command": list(self.command),
            "directory": str(self.directory),
            "environment": dict(self.environment),
            "model_repository": self.model_repository,
            "shared_memory_prefix": self.shared_memory_prefix,
        }


def with_watch(names: Iterable[str]) -> list[str]:
    """The names, and the watch behind triton where that is among them."""
    return [part for name in names for part in ((name, TRITON_WATCH) if name == "triton" else (name,))]


def choose(only: Iterable[str] | None) -> tuple[str, ...]:
    """The wanted parts in starting order; all where `only` is None."""
    wanted = set(ALL if only is None else only)
    if unknown := sorted(wanted - set(ALL)):
        raise StackError(f"there is no {', '.join(unknown)} in the stack", f"choose from {', '.join(ALL)}")
    return tuple(name for name in ALL if name in wanted)


def endpoint(name: str, port_base: int) -> str:
    """host:port of an embedded program's main port; "" for those that nobody calls."""
    if name not in OFFSETS or name == "worker":
        return ""
    purposes = ports_of(name, port_base)
    return f"{LOOPBACK}:{purposes.get('grpc', next(iter(purposes.values())))}"


def service_program(name: str, settings: StackSettings, environment: Mapping[str, str]) -> Program:
    """One of Trommel's own processes.

    Args:
        name: one of SERVICES.
        settings: of the stack.
        environment: the TROMMEL_* variables that all of them share.
    """
    ports = ports_of(name, settings.port_base)
    own = dict(environment)
    own["TROMMEL_METRICS_LISTEN"] = f"{LOOPBACK}:{ports['metrics']}"
    # One thread each: on a small machine the numerics libraries would otherwise fight over the cores.
    own.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} if name != "worker" else {})
    if name == "worker":
        # Exported once for all stacks of this environment: that takes a quarter of a minute.
        own["TROMMEL_TEXT_ENCODER_CACHE"] = str(Path(sys.prefix) / "text-encoders")
        # It steps back from the processor by itself (TROMMEL_NICENESS): those who wait for answers come first.
        command = (
            *(sys.executable, "-m", "celery", "-A", "services.training.worker", "worker"),
            *("--concurrency=1", f"--loglevel={settings.log_level}", "--without-gossip", "--without-mingle"),
        )
        return Program(name, command, settings.root / "run", own, stop_wait_seconds=20, steady_seconds=3)
    # The servers never fork: gRPC need not watch for it at every call.
    own["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    # One thread polls, as it did before gRPC's event engine: on two cores a Recommend takes a tenth less time so.
    own["GRPC_EXPERIMENTS"] = "-event_engine_poller_for_python,-event_engine_listener,-event_engine_client"
    own["TROMMEL_LISTEN"] = f"{LOOPBACK}:{ports['grpc']}"
    return Program(
        name, (sys.executable, "-m", f"services.{name}.server"), settings.root / "run", own, stop_wait_seconds=20
    )
