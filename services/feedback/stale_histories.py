"""Stale histories: users whose keys in Redis lack an event. Their markers are taken away as soon as Redis is back.

A process can lose track of them in three ways, each mended here: it dies between commit and cache (so the users of the
newest events count as stale when it starts), more users become stale than it remembers (then all of them count), and
Redis restarts and forgets its last second (all again).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from redis.exceptions import RedisError

from services.core.errors import DomainError
from services.feedback.history_cache import HistoryCache
from services.plumbing.background_tasks import running_beside
from services.plumbing.metrics import HISTORY_CACHE_FAILURES, STALE_HISTORIES

logger = logging.getLogger(__name__)

_MAX_USERS = 50_000
_AT_ONCE = 1000
_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 0.25


class StaleHistories:
    """Remembers who is stale, and whether Redis is there."""

    def __init__(self, cache: HistoryCache, users_at_start: Callable[[], Awaitable[Iterable[str]]]) -> None:
        """Make it; users_at_start names those who may have become stale before this process began."""
        self._cache = cache
        self._users_at_start = users_at_start
        self._users: set[str] = set()
        self._all = False
        self._work = asyncio.Event()
        self._run_id = ""
        self.redis_is_there = True
        STALE_HISTORIES.set_function(lambda: -1 if self._all else len(self._users))
        for operation in ("apply", "rebuild", "mend"):
            HISTORY_CACHE_FAILURES.labels(operation)

    def mark(self, user_ids: Iterable[str]) -> None:
        """Remember that these users' keys lack an event."""
        self._users.update(user_ids)
        if len(self._users) > _MAX_USERS:
            self._users.clear()
            self._all = True
        if self._users or self._all:
            self._work.set()

    def redis_failed(self, operation: str, error: Exception) -> None:
        """Count a failure; until Redis answers again nobody waits for it."""
        HISTORY_CACHE_FAILURES.labels(operation).inc()
        if self.redis_is_there:
            logger.warning("history cache: %s failed: %s; histories are marked stale", operation, type(error).__name__)
        self.redis_is_there = False
        self._work.set()

    @asynccontextmanager
    async def mending(self) -> AsyncIterator[None]:
        """Mend stale histories while the context is open, and once more, briefly, at its end."""
        try:
            async with running_beside(self._mend_for_ever(), self._distrust_the_newest()):
                yield
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._mend()

    async def _mend_for_ever(self) -> None:
        while True:
            try:
                await self._mend()
            except (RedisError, OSError, TimeoutError) as error:
                self.redis_failed("mend", error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self._work.clear()
            if self._users or self._all:
                continue
            if not self.redis_is_there:
                logger.info("history cache: Redis is there")
            self.redis_is_there = True
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._work.wait()

    async def _mend(self) -> None:
        run_id = await self._cache.run_id()
        if self._run_id not in ("", run_id):
            self._all = True
        self._run_id = run_id
        if self._all:
            self._all = False
            try:
                await self._cache.forget_all()
            except BaseException:
                self._all = True
                raise
        while self._users:
            some = [self._users.pop() for _ in range(min(_AT_ONCE, len(self._users)))]
            try:
                await self._cache.forget(some)
            except BaseException:
                self.mark(some)
                raise

    async def _distrust_the_newest(self) -> None:
        while True:
            try:
                self.mark(await self._users_at_start())
            except DomainError:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            return
