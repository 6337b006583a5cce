"""The server's end of the queue: wakes the worker, and knows whether it has been woken already."""

from __future__ import annotations

import asyncio
import logging

from celery import Celery
from redis.asyncio import Redis

from services.training.celery_app import KEY_PREFIX, QUEUE, RUN_TASK

logger = logging.getLogger(__name__)

_SEND_SECONDS = 3.0


class RunQueue:
    """Sends run ids to the worker. Failing is allowed: the reconciler tries again."""

    def __init__(self, app: Celery, redis: Redis, tenant: str) -> None:
        self._app = app
        self._redis = redis
        self._tenant = tenant

    async def send(self, run_id: str) -> bool:
        """Wake the worker for a run; return whether Redis took the message, within a bounded time."""
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await asyncio.to_thread(self._app.send_task, RUN_TASK, args=[self._tenant, run_id], queue=QUEUE)
        except Exception as error:  # noqa: BLE001 - kombu, redis and sockets have no common error
            logger.warning("run %s is not in the queue yet: %s", run_id, type(error).__name__)
            return False
        return True

    async def length(self) -> int:
        """Return how many messages wait to be taken; raises redis.RedisError or OSError while Redis is away."""
        return int(await self._redis.llen(KEY_PREFIX + QUEUE))

    async def is_empty(self) -> bool:
        """Whether no message waits to be taken; raises what length raises."""
        return await self.length() == 0
