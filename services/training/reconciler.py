"""The reconciler: what should go on and does not is set going again. PostgreSQL says what should."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from services.core.bundle import BundleError, read_manifest
from services.core.errors import DomainError
from services.plumbing.background_tasks import keep_doing, running_beside
from services.plumbing.bundle_pointer import read_pointer
from services.plumbing.metrics import ACTIVE_BUNDLE, BUNDLE_CREATED, BUNDLE_QUALITY
from services.training.run_queue import RunQueue
from services.training.run_table import RunTable
from services.training.steps.activate import Activation
from services.training.text_encoder_models import TextEncoderModels

logger = logging.getLogger(__name__)

# A message is out of the queue for a moment before its run is taken: do not send another at once.
_SETTLE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 60.0
_FIGURES = {"ranker/ndcg@10", "ranker/recall@10", "popularity/ndcg@10"}
"""Of a bundle's manifest, for Prometheus; the manifest has them all."""


class Reconciler:
    """Looks after runs that no worker has (Redis was away, a worker was killed) and after what serves."""

    def __init__(
        self,
        runs: RunTable,
        queue: RunQueue,
        activation: Activation,
        text_encoder: TextEncoderModels,
        store: Path,
        interval_seconds: float,
    ) -> None:
        self._runs = runs
        self._queue = queue
        self._activation = activation
        self._text_encoder = text_encoder
        self._store = store
        self._interval_seconds = interval_seconds
        self._sent: dict[str, float] = {}
        self._shown = ""

    async def wake_worker(self) -> list[str]:
        """Send again the runs that wait while no message does and no run is worked on; return their ids.

        Raises UnavailableError or RedisError while a part is away.
        """
        waiting = await self._runs.waiting()
        if waiting.busy or not waiting.ids or not await self._queue.is_empty():
            return []
        now = time.monotonic()
        self._sent = {run_id: sent for run_id, sent in self._sent.items() if run_id in waiting.ids}
        due = [run_id for run_id in waiting.ids if now - self._sent.get(run_id, float("-inf")) >= _SETTLE_SECONDS]
        sent = []
        for run_id in due:
            if not await self._queue.send(run_id):
                break
            self._sent[run_id] = time.monotonic()
            sent.append(run_id)
        return sent

    def was_sent(self, run_id: str) -> None:
        """Note that a run is in the queue."""
        self._sent[run_id] = time.monotonic()

    async def _keep_waking(self) -> None:
        while True:
            try:
                for run_id in await self.wake_worker():
                    logger.info("run %s is in the queue (again)", run_id)
            except (DomainError, RedisError, OSError, TimeoutError) as error:
                logger.debug("nothing is queued: %s", error)
            except Exception:
                logger.exception("the reconciler goes on")
            await asyncio.sleep(self._interval_seconds)

    async def _restore_bundle(self) -> None:
        await self._activation.restore()
        await asyncio.to_thread(self._show_active)

    async def _restore_text_encoder(self) -> None:
        if await self._text_encoder.restore():
            logger.info("Triton serves the text encoder")

    def _keep(self, restore: Callable[[], Awaitable[None]], what: str) -> Coroutine[Any, Any, None]:
        expected = (DomainError, OSError, ValueError, BundleError)
        unless = f"{what} is not restored"
        return keep_doing(restore, unless, self._interval_seconds, _LONGEST_PAUSE_SECONDS, expected)

    def _show_active(self) -> None:
        pointer = read_pointer(self._store)
        if pointer is None or pointer.version == self._shown:
            return
        manifest = read_manifest(self._store / pointer.version)
        ACTIVE_BUNDLE.clear()
        ACTIVE_BUNDLE.labels(pointer.version).set(1)
        BUNDLE_CREATED.set(datetime.fromisoformat(manifest.created_at).timestamp())
        for name in _FIGURES & manifest.metrics.keys():
            BUNDLE_QUALITY.labels(name.replace("/", "_").replace("@", "_at_")).set(manifest.metrics[name])
        self._shown = pointer.version

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Reconcile while the context is open."""
        async with running_beside(
            self._keep_waking(),
            self._keep(self._restore_bundle, "the active bundle"),
            self._keep(self._restore_text_encoder, "the text encoder"),
        ):
            yield
