"""The replica: the catalog in this process' memory, kept current by reading what changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from services.candidates.catalog.change_feed import ItemChange
from services.candidates.catalog.snapshot import CatalogSnapshot, SnapshotBuilder
from services.plumbing.background_tasks import running_beside
from services.plumbing.metrics import CATALOG_ITEMS, CATALOG_READ

logger = logging.getLogger(__name__)


class Changes(Protocol):
    """Where changes come from."""

    async def newest_revision(self) -> int:
        """Return the greatest revision there is."""
        ...

    async def changes_after(self, revision: int) -> list[ItemChange]:
        """Return the next changes in the order of their revisions; empty when there are none."""
        ...


class CatalogReplica:
    """Holds the newest snapshot. Until the catalog was read for the first time, an empty one without a revision."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._builder = SnapshotBuilder()
        self._refreshing = asyncio.Lock()
        self.snapshot: CatalogSnapshot = self._builder.build()

    async def refresh(self) -> None:
        """Take in all changes there are now. Raises what the feed raises; the snapshot then stays as it is."""
        async with self._refreshing:
            known = self.snapshot.revision
            if known is not None and await self._changes.newest_revision() < known:
                logger.warning("the catalog's revisions went back, as after a restored backup: it is read anew")
                known = None
            builder = SnapshotBuilder() if known is None else self._builder
            seen = known or 0
            while changes := await self._changes.changes_after(seen):
                builder.apply(changes)
                seen = changes[-1].revision
                if known is not None:
                    self._publish(builder)
            if known is None:
                # What is read for the first time, or anew, is shown only when it is whole.
                builder.apply(())
                self._publish(builder)
            CATALOG_READ.set_to_current_time()

    def _publish(self, builder: SnapshotBuilder) -> None:
        self._builder = builder
        self.snapshot = builder.build()
        CATALOG_ITEMS.set(builder.live_count)

    @asynccontextmanager
    async def following(self, interval_seconds: float, start_seconds: float) -> AsyncIterator[CatalogReplica]:
        """Follow the catalog while the context is open.

        Args:
            interval_seconds: Time between two looks.
            start_seconds: How long the first reading may hold up the start; after that it goes on meanwhile.
        """
        first_read = asyncio.Event()
        async with running_beside(self._follow(interval_seconds, first_read)):
            try:
                async with asyncio.timeout(start_seconds):
                    await first_read.wait()
            except TimeoutError:
                logger.warning("the catalog cannot be read yet; serving without it, trying again")
            yield self

    async def _follow(self, interval_seconds: float, first_read: asyncio.Event) -> None:
        said = ""
        while True:
            try:
                await self.refresh()
                if said:
                    logger.info("the catalog is read again")
                said = ""
                first_read.set()
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the database, the last snapshot serves on
                if str(error) != said:
                    said = str(error)
                    logger.warning("catalog not read: %s: %s", type(error).__name__, error)
            await asyncio.sleep(interval_seconds)
