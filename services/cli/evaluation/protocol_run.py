"""What every protocol that trains is told, and what it tells of how it was run."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.evaluation.versions import versions


@dataclass(frozen=True, slots=True)
class ProtocolRun:
    """One run.

    dataset: "movielens-100k", or a path of a format that can be imported. format_name: the path's format; None guesses
    it. seed: of everything random: equal runs give equal figures. threads: of the Transformer's training. predictions:
    where the lists are written, `user<TAB>item item …`; None writes none. keep: bundle store that the bundle stays in;
    None forgets it.
    """

    dataset: str
    format_name: str | None
    seed: int
    threads: int
    predictions: Path | None = None
    keep: Path | None = None

    def kept(self, version: str) -> str | None:
        """Where the bundle stays, or None."""
        return str(self.keep / version) if self.keep else None

    def facts(
        self, protocol: str, started: float, seconds: Mapping[str, Any], options: Mapping[str, object | None]
    ) -> dict[str, Any]:
        """Return "command", "versions", and "seconds" with all of them since ``started`` (monotonic).

        options: further ones of the command, by name; True for a flag; None for one that was not given.
        """
        all_options = {"protocol": protocol, "seed": self.seed, "threads": self.threads, "format": self.format_name}
        words = ["trommel", "evaluate", self.dataset]
        for name, value in {**all_options, **options}.items():
            if value is not None:
                words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        return {
            "command": shlex.join(words),
            "versions": versions(),
            "seconds": {**seconds, "all": round(time.monotonic() - started, 1)},
        }
