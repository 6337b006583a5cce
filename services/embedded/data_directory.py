"""The data directory: its layout, whether it can be used, and the lock that one command holds at a time."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.embedded.settings import StackSettings, check_text
from services.embedded.stack_error import StackError

LEAST_FREE_BYTES = 256 * 1024 * 1024
FOLDERS = ("postgres", "redis", "triton", "logs", "run", "datasets")
_HINT = "choose another with TROMMEL_DATA_DIR, or make it writable"


def prepare(settings: StackSettings) -> None:
    """Makes the directory and its folders. The directory is its owner's alone: it holds passwords.

    Raises:
        StackError: its parent is missing, it cannot be written, or the disk is full.
    """
    check_text(settings)
    root = settings.root
    if not root.parent.is_dir():
        raise StackError(
            f"the data directory {root} cannot be made, {root.parent} does not exist",
            "make that directory, or set TROMMEL_DATA_DIR",
        )
    try:
        root.mkdir(mode=0o700, exist_ok=True)
        for name in FOLDERS:
            (root / name).mkdir(mode=0o700, exist_ok=True)
        settings.bundles.mkdir(parents=True, exist_ok=True)
        settings.models.mkdir(parents=True, exist_ok=True)
        probe = root / "run" / f".write-probe-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise StackError(f"cannot write in the data directory {root} ({error.strerror})", _HINT) from None
    free = shutil.disk_usage(root).free
    if free < LEAST_FREE_BYTES:
        raise StackError(
            f"only {free // 1024**2} MB are free in {root}", f"free at least {LEAST_FREE_BYTES // 1024**2} MB"
        )


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Holds the directory's lock: one `up` or `down` at a time. The kernel frees it when the holder dies."""
    try:
        handle = os.open(root / "run" / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StackError(f"cannot write in {root} ({error.strerror})", _HINT) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(
                f"another command is starting or stopping the stack in {root}", "wait until it is done"
            ) from None
        yield
    finally:
        os.close(handle)


def write_private(path: Path, text: str) -> None:
    """Replaces the file at once and for its owner's eyes only; a reader sees the old or the new text."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_record(root: Path) -> dict[str, Any]:
    """`stack.json`, or {} where there is none that can be read."""
    try:
        record = json.loads((root / "stack.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
