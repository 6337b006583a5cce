"""Recent histories in Redis, as the feedback service keeps them: one round trip, bounded whatever is stored."""

from __future__ import annotations

import json

from redis.asyncio import Redis

from services.ranking.user_history import UserHistory, history_of

# The candidates service takes 20,000 excluded ids: these two and the caller's 10,000.
_MAX_SEEN, _MAX_HIDDEN = 8_000, 2_000
_MAX_EVENTS = 256


class RedisHistory:
    """Reads trommel:{tenant}:{history,seen,hidden,known}:{user}."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self, tenant: str, user_id: str) -> UserHistory | None:
        """Return what is cached, or None when the marker of completeness is missing.

        Raises:
            RedisError: Redis is away.
            ValueError: A member is not what feedback writes.
        """
        prefix = f"trommel:{tenant}"
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.get(f"{prefix}:known:{user_id}")
            # As a plain command: redis-py's own conversion of members with scores takes longer than Redis.
            pipeline.execute_command("ZRANGE", f"{prefix}:history:{user_id}", -_MAX_EVENTS, -1, "WITHSCORES")
            # SRANDMEMBER is SMEMBERS with a bound: a set that is smaller comes whole.
            pipeline.srandmember(f"{prefix}:seen:{user_id}", _MAX_SEEN)
            pipeline.srandmember(f"{prefix}:hidden:{user_id}", _MAX_HIDDEN)
            known, events, seen, hidden = await pipeline.execute()
        if known is None:
            return None
        # RESP3 gives pairs of member and score, RESP2 both in turns.
        pairs = (
            events if not events or isinstance(events[0], list) else list(zip(events[::2], events[1::2], strict=True))
        )
        # [seq, item_id, type, value, scenario], all parsed in one call.
        members = json.loads(f"[{','.join([member for member, _ in pairs])}]")
        history = history_of(
            [member[1] for member in members],
            [int(float(time)) for _, time in pairs],
            [member[2] for member in members],
        )
        return UserHistory(history, frozenset(seen), frozenset(hidden))
