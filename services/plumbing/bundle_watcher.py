"""The watcher: keeps the active bundle and the one before it loaded, and follows the pointer without a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from services.core.bundle import BundleManifest, read_manifest
from services.plumbing.background_tasks import running_beside
from services.plumbing.bundle_pointer import read_pointer
from services.plumbing.metrics import ACTIVE_BUNDLE, BUNDLE_CREATED, BUNDLE_LOADS

logger = logging.getLogger(__name__)
T = TypeVar("T")


class LoadedBundles(Generic[T]):
    """What is loaded, most wanted first: the active bundle, then the previous one. Replaced as a whole."""

    def __init__(self) -> None:
        self._loaded: tuple[tuple[str, T], ...] = ()

    @property
    def versions(self) -> tuple[str, ...]:
        """Loaded versions, the active one first."""
        return tuple(version for version, _ in self._loaded)

    def active(self) -> tuple[str, T] | None:
        """Return the active bundle, or None while there is none."""
        return self._loaded[0] if self._loaded else None

    def get(self, version: str) -> T | None:
        """Return what was loaded of a version."""
        return next((content for known, content in self._loaded if known == version), None)

    def first_of(self, versions: tuple[str, ...]) -> tuple[str, T] | None:
        """Return the first of the wanted versions that is loaded; the active one when none is named."""
        if not versions:
            return self.active()
        for version in versions:
            content = self.get(version)
            if content is not None:
                return version, content
        return None

    def replace(self, loaded: tuple[tuple[str, T], ...]) -> None:
        """Set what is loaded."""
        self._loaded = loaded


class BundleWatcher(Generic[T]):
    """Follows the pointer of a bundle store."""

    def __init__(
        self,
        store: Path,
        load: Callable[[Path, BundleManifest], T],
        ready: Callable[[str, T], Awaitable[None]] | None = None,
    ) -> None:
        """Make a watcher.

        Args:
            store: The bundle store.
            load: Reads a bundle's directory; runs in a thread.
            ready: Awaited before a new bundle is used, for example a probe of its models; it raises to refuse.
        """
        self._store = store
        self._load = load
        self._ready = ready
        # What was read but is not ready yet: asked again at each look, read only once.
        self._pending: tuple[str, T] | None = None
        self.loaded: LoadedBundles[T] = LoadedBundles()
        # At 0 from the start: a counter that begins with 1 shows no increase.
        self._loads_well, self._loads_failed = BUNDLE_LOADS.labels("ok"), BUNDLE_LOADS.labels("failed")

    async def refresh(self) -> None:
        """Load what the pointer names and is not loaded yet. A bundle that cannot be loaded changes nothing."""
        pointer = await asyncio.to_thread(read_pointer, self._store)
        if pointer is None or self.loaded.versions[:1] == (pointer.version,):
            return
        content = self.loaded.get(pointer.version)
        path = self._store / pointer.version
        manifest = await asyncio.to_thread(read_manifest, path)
        if content is None:
            if self._pending is None or self._pending[0] != pointer.version:
                self._pending = (pointer.version, await asyncio.to_thread(self._load, path, manifest))
            content = self._pending[1]
            if self._ready is not None:
                await self._ready(pointer.version, content)
        self._pending = None
        before = self.loaded.active()
        kept = [(pointer.version, content)]
        if before is not None:
            kept.append(before)
        elif pointer.previous:
            # After a restart siblings may still serve the previous bundle for a moment: know it too, if it is there.
            try:
                previous = self._store / pointer.previous
                kept.append((pointer.previous, await asyncio.to_thread(self._load, previous, read_manifest(previous))))
            except Exception:  # noqa: BLE001 - the active bundle serves; the previous one is a courtesy
                logger.info("previous bundle %s is not loadable", pointer.previous)
        self.loaded.replace(tuple(kept))
        self._loads_well.inc()
        ACTIVE_BUNDLE.clear()
        ACTIVE_BUNDLE.labels(pointer.version).set(1)
        BUNDLE_CREATED.set(datetime.fromisoformat(manifest.created_at).timestamp())
        logger.info("serving bundle %s", pointer.version)

    async def _follow(self, interval_seconds: float) -> None:
        refused = ""
        while True:
            try:
                await self.refresh()
                refused = ""
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a bundle, the loaded one goes on serving
                self._loads_failed.inc()
                if str(error) != refused:
                    refused = str(error)
                    logger.warning("bundle not loaded: %s: %s", type(error).__name__, error)
            await asyncio.sleep(interval_seconds)

    @asynccontextmanager
    async def following(self, interval_seconds: float = 0.5) -> AsyncIterator[LoadedBundles[T]]:
        """Follow the pointer while the context is open; what is there at the start is loaded before it opens."""
        try:
            await self.refresh()
        except Exception as error:  # noqa: BLE001 - a server without a bundle still answers, degraded
            logger.warning("bundle not loaded: %s: %s", type(error).__name__, error)
        async with running_beside(self._follow(interval_seconds)):
            yield self.loaded
