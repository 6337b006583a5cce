"""What the user did: from the cache, else from the feedback service, which has it from the database."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Protocol

from redis.exceptions import RedisError

from services.core.circuit_breaker import CircuitBreaker
from services.core.query import Query
from services.plumbing.deadlines import seconds_left
from services.plumbing.metrics import HISTORY_CACHE_FAILURES
from services.ranking.user_history import UserHistory

logger = logging.getLogger(__name__)


class HistoryCache(Protocol):
    """Recent histories, one quick round trip away."""

    async def read(self, tenant: str, user_id: str) -> UserHistory | None:
        """Return what is cached, or None when the cache does not hold the whole of this user.

        Raises:
            RedisError: The cache is away.
        """
        ...


class HistoryStore(Protocol):
    """All histories, further away."""

    async def read_history(self, user_id: str, timeout_seconds: float) -> UserHistory:
        """Return a user's history; empty for somebody new.

        Raises:
            UnavailableError: The store is away.
            TimeoutError: No answer in time.
        """
        ...


class HistoryHydrator:
    """Gives the query its history, seen and hidden items. Raises what the store raises when both are away."""

    name = "history"

    def __init__(
        self,
        cache: HistoryCache,
        store: HistoryStore,
        breaker: CircuitBreaker,
        *,
        cache_timeout_seconds: float,
        store_timeout_seconds: float,
    ) -> None:
        """breaker: guards the store."""
        self._cache = cache
        self._store = store
        self._breaker = breaker
        self._cache_timeout_seconds = cache_timeout_seconds
        self._store_timeout_seconds = store_timeout_seconds
        self._cache_failures = HISTORY_CACHE_FAILURES.labels("read")

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def hydrate_query(self, query: Query) -> Query:
        """Return the query with what is known of its user."""
        known = await self._cached(query)
        if known is None:
            timeout_seconds = min(self._store_timeout_seconds, seconds_left(query.deadline))
            known = await self._breaker.call(
                lambda: self._store.read_history(query.user_id, timeout_seconds),
                patient=timeout_seconds >= self._store_timeout_seconds,
            )
        return replace(
            query,
            history=known.history,
            seen_item_ids=known.seen_item_ids,
            hidden_item_ids=known.hidden_item_ids,
        )

    async def _cached(self, query: Query) -> UserHistory | None:
        try:
            async with asyncio.timeout(min(self._cache_timeout_seconds, seconds_left(query.deadline))):
                return await self._cache.read(query.tenant, query.user_id)
        except (RedisError, OSError, TimeoutError, ValueError) as error:
            self._cache_failures.inc()
            logger.debug("history cache: %s", type(error).__name__)
            return None
