"""Room in a store: what its files take, what they may take, and what is left. The quota is a setting of ours."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from services.core.bundle import list_versions

_BLOCK_BYTES = 512
"""The unit of st_blocks, whatever the file system's own."""


class NoRoomError(Exception):
    """The store cannot take another bundle; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class StoreRoom:
    """Bytes: used by the store's files, allowed to them, and what may still come (less where the disk is full)."""

    used: int
    limit: int
    free: int


def used_bytes(directory: Path) -> int:
    """Return what the files below a directory take on the disk; a file with several names counts once."""
    seen: set[tuple[int, int]] = set()
    total, open_directories = 0, [directory]
    while open_directories:
        try:
            with os.scandir(open_directories.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        open_directories.append(Path(entry.path))
                        continue
                    found = entry.stat(follow_symlinks=False)
                    if (found.st_dev, found.st_ino) not in seen:
                        seen.add((found.st_dev, found.st_ino))
                        total += found.st_blocks * _BLOCK_BYTES
        except FileNotFoundError:
            continue
    return total


def measure(store: Path, quota_bytes: int = 0) -> StoreRoom:
    """Return the room of a store; without a quota (0) the file system is the limit.

    Raises:
        OSError: The store is not there or cannot be read.
    """
    disk = shutil.disk_usage(store)
    used = used_bytes(store)
    limit = quota_bytes or disk.total
    left = quota_bytes - used if quota_bytes else disk.free
    return StoreRoom(used, limit, max(0, min(left, disk.free)))


def check_room(store: Path, quota_bytes: int) -> None:
    """Raise NoRoomError unless another bundle as large as the newest one fits: a run would fail after its work."""
    store.mkdir(parents=True, exist_ok=True)
    versions = list_versions(store)
    needed = used_bytes(store / versions[-1]) if versions else 1
    room = measure(store, quota_bytes)
    if room.free >= needed:
        return
    told = f"the bundle store has {_megabytes(room.free)} left and a bundle takes {_megabytes(needed)}"
    raise NoRoomError(f"{told}; free some, lower TROMMEL_KEEP_BUNDLES or raise TROMMEL_BUNDLE_STORE_QUOTA_BYTES")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
