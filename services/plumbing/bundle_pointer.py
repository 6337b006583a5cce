"""The pointer: which bundle of the store serves. One small file, replaced atomically; PostgreSQL keeps the record."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

_NAME = "active.json"
_VERSION = re.compile("[0-9]{14}")


@dataclass(frozen=True, slots=True)
class BundlePointer:
    """Versions of the active bundle and of the one before it, and since when (ISO 8601, UTC)."""

    version: str
    previous: str | None
    activated_at: str


def read_pointer(store: Path) -> BundlePointer | None:
    """Return the pointer, or None when no bundle was ever activated.

    Raises:
        ValueError: The file is not a pointer.
        OSError: The store cannot be read.
    """
    try:
        text = (store / _NAME).read_text("utf-8")
    except FileNotFoundError:
        return None
    raw = json.loads(text)
    if not isinstance(raw, dict) or not _VERSION.fullmatch(str(raw.get("version"))):
        raise ValueError(f"{_NAME} in the bundle store is not a pointer; activate a bundle to replace it")
    return BundlePointer(raw["version"], raw.get("previous"), str(raw.get("activated_at", "")))


def write_pointer(store: Path, version: str) -> BundlePointer:
    """Point at `version`; the version that was active becomes the previous one. Durable when it returns."""
    try:
        before = read_pointer(store)
    except ValueError:
        before = None
    previous = None if before is None else before.previous if before.version == version else before.version
    pointer = BundlePointer(version, previous, datetime.now(UTC).isoformat(timespec="seconds"))
    put_pointer(store, pointer)
    return pointer


def put_pointer(store: Path, pointer: BundlePointer) -> None:
    """Replace the pointer by this one, as out of a backup. Durable when it returns."""
    store.mkdir(parents=True, exist_ok=True)
    draft = store / f".{_NAME}.{os.getpid()}"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(pointer), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(store / _NAME)
