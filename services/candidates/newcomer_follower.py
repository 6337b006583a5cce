"""Keeps the newcomers of all loaded bundles current, beside the requests."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.candidates.bundles.newcomers import Contents
from services.candidates.catalog.replica import CatalogReplica
from services.candidates.pipelines import BundlePipelines
from services.plumbing.background_tasks import running_beside
from services.plumbing.bundle_watcher import LoadedBundles
from services.plumbing.metrics import NEWCOMERS

logger = logging.getLogger(__name__)


class NewcomerFollower:
    """Follows the catalog's snapshots and the loaded bundles."""

    def __init__(self, loaded: LoadedBundles[BundlePipelines], replica: CatalogReplica, contents: Contents) -> None:
        self._loaded = loaded
        self._replica = replica
        self._contents = contents

    async def take_in(self) -> None:
        """Bring every loaded bundle's newcomers up to the newest snapshot. Raises UnavailableError."""
        snapshot = self._replica.snapshot
        if snapshot.revision is None:
            return
        for place, version in enumerate(self._loaded.versions):
            pipelines = self._loaded.get(version)
            if pipelines is not None and pipelines.newcomers is not None:
                view = pipelines.aligned.view(snapshot, time.time_ns() // 1000)
                await pipelines.newcomers.take_in(view, self._contents)
            if place == 0:
                known = pipelines.newcomers if pipelines is not None else None
                NEWCOMERS.set(0 if known is None else len(known.table))

    @asynccontextmanager
    async def following(self, interval_seconds: float = 0.2) -> AsyncIterator[None]:
        """Follow while the context is open. interval_seconds: between two looks, which cost nothing in themselves."""
        async with running_beside(self._follow(interval_seconds)):
            yield

    async def _follow(self, interval_seconds: float) -> None:
        said = ""
        while True:
            try:
                await self.take_in()
                said = ""
            except Exception as error:  # noqa: BLE001 - what was read serves on
                if str(error) != said:
                    said = str(error)
                    logger.warning("new items are not read: %s: %s", type(error).__name__, error)
            await asyncio.sleep(interval_seconds)
