"""The parts that run: their processes, their memory, their metrics pages."""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from services.cli.cli_error import CliError
from services.cli.console import output
from services.cli.metrics_pages import read_metrics
from services.cli.tables import table
from services.embedded import ProcessStatus
from services.embedded.ports import LOOPBACK, OFFSETS, ports_of

_MEBIBYTE = 1 << 20


def show_processes(processes: Sequence[ProcessStatus]) -> None:
    """Print the running processes with their memory, that of their children included."""
    rows = [
        [
            process.name,
            process.state,
            str(process.pid or ""),
            f"{_memory_bytes(process.pid) / _MEBIBYTE:.0f} MB",
            process.endpoint,
        ]
        for process in processes
    ]
    output().print(table(["part", "state", "process", "memory", "listens at"], rows))


def show_metrics_pages(port_base: int) -> None:
    """Print the metrics pages.

    Raises:
        CliError: One of them does not answer.
    """
    rows, away = [], []
    for name in OFFSETS:
        port = ports_of(name, port_base).get("metrics")
        if port is None:
            continue
        url = f"http://{LOOPBACK}:{port}/metrics"
        samples = read_metrics(url)
        if samples is None:
            away.append(url)
        rows.append([name, url, "no answer" if samples is None else f"{sum(map(len, samples.values())):,} series"])
    output().print(table(["part", "metrics page", ""], rows))
    if away:
        raise CliError(f"metrics pages do not answer: {', '.join(away)}")


def _memory_bytes(pid: int | None) -> int:
    if pid is None:
        return 0
    try:
        process = psutil.Process(pid)
        # Memory that processes share is counted once a process by RSS; PSS would need rights that not everybody has.
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0
