"""Whether PostgreSQL and Redis answer the worker, told by trommel_part_up: asked in a thread, beside the training."""

from __future__ import annotations

import asyncio
import threading

from services.plumbing.clients.redis_client import open_redis
from services.plumbing.reachability import database_probe, watching
from services.training.settings import TrainingSettings

_REDIS_SECONDS = 2.0


async def watch_parts(settings: TrainingSettings) -> None:
    """Ask both now and then, until cancelled."""
    async with (
        open_redis(settings.redis_url, timeout_seconds=_REDIS_SECONDS) as redis,
        watching({"postgres": database_probe(settings.database_url), "redis": redis.ping}),
    ):
        await asyncio.Event().wait()


def start_watching_parts(settings: TrainingSettings) -> None:
    """Watch for the rest of the process's life: Celery's main thread has no event loop and is busy with a run."""
    threading.Thread(target=lambda: asyncio.run(watch_parts(settings)), name="parts", daemon=True).start()
