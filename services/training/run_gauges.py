"""Gauges of training: the runs that PostgreSQL knows, the queue in Redis, and the room in the stores."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from services.core.errors import DomainError
from services.plumbing.background_tasks import running_beside
from services.plumbing.metrics import (
    LAST_RUN_SECONDS,
    LAST_SUCCESS,
    QUEUE_MESSAGES,
    RUNS_IN_TABLE,
    STORE_FREE,
    STORE_LIMIT,
    STORE_USED,
    WAITING_RUN_SECONDS,
)
from services.training.run_queue import RunQueue
from services.training.run_table import RunTable
from services.training.settings import TrainingSettings
from services.training.store_room import measure

logger = logging.getLogger(__name__)

_RUNS_SECONDS = 5.0
_STORES_SECONDS = 15.0


class RunGauges:
    """Looks now and then. What cannot be seen keeps its last value; trommel_part_up tells that it is old."""

    def __init__(self, runs: RunTable, queue: RunQueue, settings: TrainingSettings) -> None:
        self._runs = runs
        self._queue = queue
        self._stores = {
            "bundles": (settings.bundle_store, settings.bundle_store_quota_bytes),
            "models": (settings.model_repository, 0),
        }

    async def look_at_runs(self) -> None:
        """Read the table. Raises UnavailableError."""
        overview = await self._runs.overview()
        for state, count in overview.counts.items():
            RUNS_IN_TABLE.labels(state).set(count)
        WAITING_RUN_SECONDS.set(overview.oldest_waiting_seconds)
        LAST_SUCCESS.set(overview.last_success_timestamp)
        LAST_RUN_SECONDS.set(overview.last_run_seconds)

    async def look_at_queue(self) -> None:
        """Read the queue's length. Raises RedisError or OSError."""
        QUEUE_MESSAGES.set(await self._queue.length())

    async def look_at_stores(self) -> None:
        """Measure the stores; one that is not there yet is passed over."""
        for name, (directory, quota_bytes) in self._stores.items():
            try:
                room = await asyncio.to_thread(measure, directory, quota_bytes)
            except FileNotFoundError:
                continue
            STORE_USED.labels(name).set(room.used)
            STORE_LIMIT.labels(name).set(room.limit)
            STORE_FREE.labels(name).set(room.free)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Look while the context is open."""
        looks = (
            (self.look_at_runs, _RUNS_SECONDS),
            (self.look_at_queue, _RUNS_SECONDS),
            (self.look_at_stores, _STORES_SECONDS),
        )
        async with running_beside(*(_keep(look, seconds) for look, seconds in looks)):
            yield


async def _keep(look: Callable[[], Awaitable[None]], interval_seconds: float) -> None:
    while True:
        try:
            await look()
        except (DomainError, RedisError, OSError, TimeoutError) as error:
            logger.debug("not seen now: %s", type(error).__name__)
        except Exception:
            logger.exception("the gauges go on")
        await asyncio.sleep(interval_seconds)
