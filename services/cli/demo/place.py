"""Where the demo lives: a data directory and ports of its own, whatever else the environment says."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from services.cli.cli_error import CliError
from services.cli.free_ports import free_base
from services.embedded.settings import StackSettings, load_settings

_MARK = ".made-by-trommel-demo"
_KEPT = {_MARK, "datasets"}
_FIRST_BASE = 7100
# What would lead the demo to another installation's parts or files.
_FOREIGN = (
    "DATABASE_URL",
    "REDIS_URL",
    "TRITON_URL",
    "CANDIDATES_URL",
    "RANKING_URL",
    "FEEDBACK_URL",
    "TRAINING_URL",
    "BUNDLE_STORE",
    "MODEL_REPOSITORY",
    "TENANT",
)


def claim(data_dir: Path) -> Path:
    """Make the data directory the demo's.

    Raises:
        CliError: It holds something that the demo did not make, or cannot be made.
    """
    path = data_dir.expanduser().resolve()
    try:
        if path.exists() and any(path.iterdir()) and not (path / _MARK).exists():
            raise CliError(f"{path} is not the demo's: choose an empty place with --data-dir")
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / _MARK).touch()
    except OSError as error:
        raise CliError(f"cannot write in {path} ({error.strerror}): choose another place with --data-dir") from None
    return path


def empty(path: Path) -> None:
    """Remove what an earlier demo left in its own directory, but the data sets: the story begins with nothing."""
    for entry in path.iterdir():
        if entry.name not in _KEPT:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def settle(path: Path, port_base: int | None) -> StackSettings:
    """Point this process, and what it starts, at the demo's own stack; return that stack's settings."""
    for name in _FOREIGN:
        os.environ.pop(f"TROMMEL_{name}", None)
    os.environ["TROMMEL_DATA_DIR"] = str(path)
    os.environ["TROMMEL_PORT_BASE"] = str(port_base or free_base(_FIRST_BASE))
    return load_settings()
