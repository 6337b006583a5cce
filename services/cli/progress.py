"""Progress of long work: a bar on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from services.cli.console import note, notes

_LINE_INTERVAL_SECONDS = 5.0


class Progress(Protocol):
    """Told how far work is."""

    def update(self, done: float, message: str = "") -> None:
        """Say that `done` units are finished, and in a few words what happens now."""


@contextmanager
def progress(description: str, total: float | None, unit: str = "") -> Iterator[Progress]:
    """Show progress on standard error while the context is open.

    Args:
        description: What is being done.
        total: Units of all the work; None when that is not known.
        unit: What is counted, for example "events"; empty for a share of 1, which is shown as a percentage.
    """
    console = notes()
    if not console.is_terminal:
        yield _Lines(description, total, unit)
        return
    from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()]
    counts = [TextColumn("{task.completed:,.0f} {task.fields[unit]} {task.fields[rate]}")] if unit else []
    tail = [TimeElapsedColumn(), TextColumn("{task.fields[message]}", markup=False)]
    with Bar(*columns, *counts, *tail, console=console, transient=False) as bar:
        task = bar.add_task(description, total=total, unit=unit, rate="", message="")
        yield _Bar(bar, task)


class _Bar:
    def __init__(self, bar: object, task: object) -> None:
        self._bar = bar
        self._task = task
        self._started = time.monotonic()

    def update(self, done: float, message: str = "") -> None:
        seconds = time.monotonic() - self._started
        rate = f"({done / seconds:,.0f}/s)" if seconds > 0.5 else ""
        self._bar.update(self._task, completed=done, rate=rate, message=message)  # type: ignore[attr-defined]


class _Lines:
    def __init__(self, description: str, total: float | None, unit: str) -> None:
        self._description = description
        self._total = total
        self._unit = unit
        self._started = time.monotonic()
        self._last_line = self._started
        self._message = ""

    def update(self, done: float, message: str = "") -> None:
        now = time.monotonic()
        complete = self._total is not None and done >= self._total
        if now - self._last_line < _LINE_INTERVAL_SECONDS and not complete:
            return
        self._last_line = now
        note(f"{self._description}: {self._amount(done, now - self._started)}{f' · {message}' if message else ''}")

    def _amount(self, done: float, seconds: float) -> str:
        if not self._unit:
            return f"{100 * done / (self._total or 1):.0f} %"
        of = f" of {self._total:,.0f}" if self._total is not None else ""
        rate = f" ({done / seconds:,.0f}/s)" if seconds > 0.5 else ""
        return f"{done:,.0f}{of} {self._unit}{rate}"
