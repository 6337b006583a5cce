"""The demo's printed frame: numbered headings, and how long each chapter took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.rule import Rule

from services.cli.console import output
from services.cli.tables import table


class Chapters:
    """Counts and times the chapters of one telling."""

    def __init__(self) -> None:
        self._times: list[tuple[str, float]] = []
        self._started = time.monotonic()

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """Print a heading, and afterwards the time that passed."""
        console = output()
        console.print()
        console.print(Rule(f"[bold]{len(self._times) + 1}. {title}[/bold]", align="left", characters="─"))
        began = time.monotonic()
        yield
        seconds = time.monotonic() - began
        self._times.append((title, seconds))
        console.print(f"[dim]({seconds:.1f} s)[/dim]")

    def print_times(self) -> None:
        """Print how long each chapter took, and all of it."""
        rows = [[f"{number}. {title}", f"{seconds:.1f}"] for number, (title, seconds) in enumerate(self._times, 1)]
        rows.append(["all of it", f"{time.monotonic() - self._started:.1f}"])
        output().print(table(["chapter", "seconds"], rows))
