"""Around a measurement on one machine: a place for its bundle, how far it is, and one line about what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.cli_error import CliError
from services.cli.evaluation.offline import scratch_store, words_of
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
