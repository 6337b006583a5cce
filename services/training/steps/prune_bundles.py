"""Prune: removes the oldest bundles from the store, never one that serves or served just before."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from services.core.bundle import list_versions
from services.plumbing.bundle_pointer import read_pointer
from services.plumbing.clients.postgres import Pool
from services.training.activation_lock import activation_lock
from services.training.bundle_table import BundleTable

_LOCK_WAIT_SECONDS = 10.0


def versions_to_remove(versions: Sequence[str], keep: int, spared: set[str]) -> list[str]:
    """Return what goes of `versions` (oldest first) so that the newest `keep` stay, and all that is spared."""
    return [version for version in versions[: max(0, len(versions) - keep)] if version not in spared]


async def prune_bundles(pool: Pool, tenant: str, store: Path, keep: int) -> list[str]:
    """Remove old bundles, the record first, then the files; return their versions.

    Raises:
        UnavailableError: The database is away, or a bundle is being activated.
    """
    table = BundleTable(tenant)
    async with activation_lock(pool, tenant, _LOCK_WAIT_SECONDS) as locked:
        pointer = await asyncio.to_thread(read_pointer, store)
        spared = set() if pointer is None else {pointer.version, pointer.previous or pointer.version}
        async with locked.transaction():
            active = await table.active(locked)
            if active is not None:
                spared.add(active.version)
            old = versions_to_remove(await asyncio.to_thread(list_versions, store), keep, spared)
            await table.mark_deleted(locked, old)
        await asyncio.to_thread(_remove, store, old)
    return old


def _remove(store: Path, versions: Sequence[str]) -> None:
    for version in versions:
        # Renamed first: a bundle is whole or is not there.
        doomed = store / f".removed-{version}"
        (store / version).rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
    for left_over in store.glob(".removed-*"):
        shutil.rmtree(left_over, ignore_errors=True)
