"""What the protocols that train do around their measurement: they show how far it is, and tell how it was run."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.cli_error import CliError
from services.cli.evaluation.offline import scratch_store, words_of
from services.cli.evaluation.versions import versions
from services.cli.progress import progress

if TYPE_CHECKING:
    from services.training.steps.fit_progress import Progress


@contextmanager
def measuring(protocol: str, keep: Path | None) -> Iterator[tuple[Path, Callable[[Progress], None]]]:
    """Give a bundle store, and whom to tell how far it is.

    Raises:
        CliError: The data set is not one to measure on, or something of the test leaked into training.
    """
    from services.training.steps.bundle import DatasetError
    from services.training.steps.leak_check import LeakError

    try:
        with scratch_store(keep) as store, progress(protocol, total=1.0) as shown:
            yield store, lambda now: shown.update(*words_of(now))
    except (LeakError, DatasetError) as error:
        raise CliError(str(error)) from error


def how_it_was_run(
    started: float, seconds: Mapping[str, Any], dataset: str, options: Mapping[str, object | None]
) -> dict[str, Any]:
    """Return "command", "versions" and "seconds", all of it included, of a run that began at ``started`` (monotonic).

    options: by name, of the command; None for one that was not given.
    """
    given = [[f"--{name}", str(value)] for name, value in options.items() if value is not None]
    return {
        "command": shlex.join(["trommel", "evaluate", dataset, *(word for pair in given for word in pair)]),
        "versions": versions(),
        "seconds": {**seconds, "all": round(time.monotonic() - started, 1)},
    }
