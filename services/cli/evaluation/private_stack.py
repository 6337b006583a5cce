"""A stack for one evaluation: its own data directory and ports, gone afterwards however the work inside ends.

Also where the command is killed: see stack_watch.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.cli.cli_error import CliError
from services.cli.console import note
from services.cli.ending import undisturbed
from services.cli.evaluation.stack_watch import watched
from services.cli.free_ports import free_base
from services.embedded import StackError, StackSettings, down, load_settings, preflight, up
from services.embedded.ports import check_free

# No worker: the bundle is there already.
_PARTS = ("postgres", "redis", "triton", "candidates", "feedback", "ranking", "training")
_FIRST_BASE = 8100
# What says how this machine is set up; all other TROMMEL_* belong to another stack or would change what is served.
_KEPT = ("TROMMEL_TRITON_ENV_DIR", "TROMMEL_LOG_LEVEL")
# Lists are compared here, and a busy machine must not shorten them: nothing counts as late before this.
_PATIENCE = {
    "TROMMEL_HISTORY_TIMEOUT_SECONDS": "5",
    "TROMMEL_HISTORY_STORE_TIMEOUT_SECONDS": "5",
    "TROMMEL_CANDIDATES_TIMEOUT_SECONDS": "10",
    "TROMMEL_SOURCE_BUDGET_SECONDS": "5",
    "TROMMEL_RANKER_TIMEOUT_SECONDS": "10",
}


def check_startable(port_base: int | None) -> None:
    """Raise CliError, one line, if a stack could not be started now: ports taken, a part not installed."""
    with _environment(Path(tempfile.gettempdir()) / "trommel-served", port_base or free_base(_FIRST_BASE)):
        try:
            settings = load_settings()
            check_free(_PARTS, settings.port_base)
            wrong = next((check for check in preflight(settings) if not check.ok and check.name != "ports"), None)
        except StackError as error:
            raise CliError(_line(error)) from error
    if wrong is not None:
        raise CliError(f"no stack can be started, {wrong.name}: {wrong.message}: {wrong.hint}")


@contextmanager
def private_stack(port_base: int | None) -> Iterator[StackSettings]:
    """Start a stack with the default settings, and point this process at it; nothing of it is left afterwards.

    Raises:
        CliError: It cannot be started.
    """
    root = Path(tempfile.mkdtemp(prefix="trommel-served-")).resolve()
    with watched(root), _removed(root), _environment(root, port_base or free_base(_FIRST_BASE)):
        settings = load_settings()
        try:
            up(settings, note, only=_PARTS)
            yield settings
        except StackError as error:
            raise CliError(_line(error)) from error
        finally:
            with undisturbed():
                down(settings, note)


@contextmanager
def _removed(root: Path) -> Iterator[None]:
    try:
        yield
    finally:
        with undisturbed():
            shutil.rmtree(root, ignore_errors=True)


def _line(error: StackError) -> str:
    return str(error).replace("set TROMMEL_PORT_BASE to another base", "choose another base with --port-base")


@contextmanager
def _environment(root: Path, port_base: int) -> Iterator[None]:
    before = {name: value for name, value in os.environ.items() if name.startswith("TROMMEL_")}
    for name in before:
        if name not in _KEPT:
            del os.environ[name]
    os.environ.update({"TROMMEL_DATA_DIR": str(root), "TROMMEL_PORT_BASE": str(port_base)} | _PATIENCE)
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("TROMMEL_")]:
            del os.environ[name]
        os.environ.update(before)
