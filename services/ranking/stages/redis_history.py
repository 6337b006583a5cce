"""Recent histories in Redis, as the feedback service keeps them: one round trip, bounded whatever is stored."""

from __future__ import annotations

import json

import numpy as np

from services.core.cascade import HISTORY_EVENTS
from services.ranking.redis_connections import RedisConnections
from services.ranking.user_history import UserHistory, history_of

# The candidates service takes 20,000 excluded ids: these two and the caller's 10,000.
_MAX_SEEN, _MAX_HIDDEN = 8_000, 2_000


class RedisHistory:
    """Reads trommel:{tenant}:{history,seen,hidden,known}:{user}."""

    def __init__(self, redis: RedisConnections) -> None:
        self._redis = redis

    async def read(self, tenant: str, user_id: str) -> UserHistory | None:
        """Return what is cached, or None when the marker of completeness is missing.

        Raises:
            RedisError: Redis is away.
            ValueError: A member is not what feedback writes.
        """
        prefix = f"trommel:{tenant}"
        known, events, seen, hidden = await self._redis.ask(
            (
                ("GET", f"{prefix}:known:{user_id}"),
                ("ZRANGE", f"{prefix}:history:{user_id}", -HISTORY_EVENTS, -1, "WITHSCORES"),
                # SRANDMEMBER is SMEMBERS with a bound: a set that is smaller comes whole.
                ("SRANDMEMBER", f"{prefix}:seen:{user_id}", _MAX_SEEN),
                ("SRANDMEMBER", f"{prefix}:hidden:{user_id}", _MAX_HIDDEN),
            )
        )
        if known is None:
            return None
        # [seq, item_id, type, value, scenario] and its time in turns; all members parsed in one call.
        members = json.loads(f"[{','.join(events[::2])}]")
        history = history_of(
            [member[1] for member in members],
            np.fromiter(map(float, events[1::2]), np.float64, len(members)).astype(np.int64),
            [member[2] for member in members],
            [member[3] for member in members],
        )
        return UserHistory(history, frozenset(seen), frozenset(hidden))
