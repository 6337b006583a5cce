"""The history keeper: what follows a commit in Redis. It never fails its caller; PostgreSQL has the truth."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from redis.exceptions import RedisError

from services.feedback.event import Event
from services.feedback.event_store import EventStore, UserRecord
from services.feedback.history_cache import HistoryCache, HistoryChange
from services.feedback.stale_histories import StaleHistories
from services.plumbing.metrics import HISTORY_CACHE_FAILURES, HISTORY_REBUILDS

logger = logging.getLogger(__name__)


class HistoryKeeper:
    """Keeps the history cache in step with the event store."""

    def __init__(self, store: EventStore, cache: HistoryCache, stale: StaleHistories) -> None:
        self._store = store
        self._cache = cache
        self._stale = stale

    async def follow(self, recorded: Iterable[tuple[Event, int]], doubtful_user_ids: Iterable[str]) -> None:
        """Bring Redis up to date after a commit.

        Args:
            recorded: New events with their seq.
            doubtful_user_ids: Users of events that were known already: who sends an event again has missed its
                acknowledgement, and the process that should have given it may have died before it told Redis.
        """
        changes: dict[str, HistoryChange] = {}
        for event, seq in recorded:
            change = changes.get(event.user_id)
            if change is None:
                change = changes[event.user_id] = HistoryChange()
            change.add(event, seq)
        changes = {user_id: change for user_id, change in changes.items() if change.seen or change.hidden}
        self._stale.mark(doubtful_user_ids)
        if not changes:
            return
        if not self._stale.redis_is_there:
            self._stale.mark(changes)
            return
        try:
            refused = await self._cache.apply(changes)
        except (RedisError, OSError, TimeoutError) as error:
            self._stale.mark(changes)
            self._stale.redis_failed("apply", error)
            return
        if refused:
            HISTORY_CACHE_FAILURES.labels("apply").inc(len(refused))
            self._stale.mark(refused)

    async def user_record(self, user_id: str, limit: int, scenario: str) -> UserRecord:
        """Read a user's record from the database and rebuild their history in Redis on the way.

        Raises:
            UnavailableError: The database is away.
            OverloadedError: Too many wait for it already.
        """
        token = await self._begin(user_id)
        record = await self._store.user_record(user_id, limit, scenario)
        if token is not None:
            try:
                if await self._cache.end_rebuild(user_id, token, record):
                    HISTORY_REBUILDS.inc()
            except (RedisError, OSError, TimeoutError) as error:
                # What it left may be old by the time somebody reads it.
                self._stale.mark((user_id,))
                self._stale.redis_failed("rebuild", error)
        return record

    async def _begin(self, user_id: str) -> str | None:
        if not self._stale.redis_is_there:
            return None
        try:
            return await self._cache.begin_rebuild(user_id)
        except (RedisError, OSError, TimeoutError) as error:
            self._stale.redis_failed("rebuild", error)
            return None
