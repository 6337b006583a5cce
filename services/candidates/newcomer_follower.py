"""Keeps the newcomers of all loaded bundles current, beside the requests."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.candidates.bundles.newcomers import Contents
from services.candidates.bundles.tuned_contents import Texts, TunedContents
from services.candidates.catalog.replica import CatalogReplica
from services.candidates.pipelines import BundlePipelines
from services.plumbing.background_tasks import keep_doing, running_beside
from services.plumbing.bundle_watcher import LoadedBundles
from services.plumbing.metrics import NEWCOMERS

_LONGEST_PAUSE_SECONDS = 2.0


class NewcomerFollower:
    """Follows the catalog's snapshots and the loaded bundles."""

    def __init__(
        self, loaded: LoadedBundles[BundlePipelines], replica: CatalogReplica, contents: Contents, texts: Texts
    ) -> None:
        self._loaded = loaded
        self._replica = replica
        self._contents = contents
        self._texts = texts

    async def take_in(self) -> None:
        """Bring every loaded bundle's newcomers up to the newest snapshot. Raises UnavailableError, TimeoutError."""
        snapshot = self._replica.snapshot
        if snapshot.revision is None:
            return
        for place, version in enumerate(self._loaded.versions):
            pipelines = self._loaded.get(version)
            if pipelines is not None and pipelines.newcomers is not None:
                view = pipelines.aligned.view(snapshot, time.time_ns() // 1000)
                await pipelines.newcomers.take_in(view, self._contents_for(pipelines))
            if place == 0:
                known = pipelines.newcomers if pipelines is not None else None
                NEWCOMERS.set(0 if known is None else len(known.table))

    def _contents_for(self, pipelines: BundlePipelines) -> Contents:
        if pipelines.text_encoder is None:
            return self._contents
        return TunedContents(self._contents, self._texts, pipelines.text_encoder)

    @asynccontextmanager
    async def following(self, interval_seconds: float = 0.2) -> AsyncIterator[None]:
        """Follow while the context is open. interval_seconds: between two looks, which cost nothing in themselves."""
        follow = keep_doing(self.take_in, "new items are not read", interval_seconds, _LONGEST_PAUSE_SECONDS)
        async with running_beside(follow):
            yield
