"""The history cache: each user's recent history, seen and hidden items in Redis, where ranking reads them.

A user's keys are complete while the marker `known` stands, and only a rebuild from the database sets it. A rebuild
leaves a token before it reads the database; who commits an event removes the token. So a rebuild that missed an event
does not take effect, and a partial history is never taken for a complete one.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis

from services.core.cascade import HISTORY_EVENTS
from services.feedback.event import HIDINGS, INTERACTIONS, Event
from services.feedback.event_store import UserRecord
from services.feedback.history_scripts import APPLY, REPLACE

_APPLY_SHA = hashlib.sha1(APPLY.encode(), usedforsecurity=False).hexdigest()
_REPLACE_SHA = hashlib.sha1(REPLACE.encode(), usedforsecurity=False).hexdigest()
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
# A rebuild that takes longer is given up; another may begin.
_TOKEN_MILLISECONDS = 10_000
_SCAN_COUNT = 1000
_USERS_A_SCRIPT = 100


@dataclass(slots=True)
class HistoryChange:
    """What new events add to one user's keys."""

    history: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def add(self, event: Event, seq: int) -> None:
        """Add an event; impressions change nothing."""
        if event.type in INTERACTIONS:
            self.history += (str(event.time_microseconds), _member(event, seq))
            self.seen.append(event.item_id)
        elif event.type in HIDINGS:
            self.hidden.append(event.item_id)

    def to_list(self, user_id: str) -> list[str | list[str]]:
        """Return the form in which the scripts take it."""
        return [user_id, self.history, self.seen, self.hidden]


def _member(event: Event, seq: int) -> str:
    """Return a member of the history. Redis orders members of one time by their bytes: by seq."""
    fields = (f"{seq:020d}", event.item_id, event.type, event.value, event.scenario)
    return _json(fields)


class HistoryCache:
    """The keys of one tenant's users. Methods raise RedisError or OSError when Redis is away."""

    def __init__(self, redis: Redis, tenant: str, lifetime_seconds: int) -> None:
        self._redis = redis
        self._prefix = f"trommel:{tenant}:"
        self._lifetime_milliseconds = lifetime_seconds * 1000

    async def apply(self, changes: Mapping[str, HistoryChange]) -> list[str]:
        """Add committed events to their users' keys, in one round trip; return the users whose keys refused."""
        pipeline = self._redis.pipeline(transaction=False)
        # Loaded each time: Redis may have been restarted, and loading a known script costs microseconds.
        pipeline.script_load(APPLY)
        user_ids = list(changes)
        # Redis serves nobody else while a script runs: many short ones let readers through.
        pieces = [user_ids[start : start + _USERS_A_SCRIPT] for start in range(0, len(user_ids), _USERS_A_SCRIPT)]
        for piece in pieces:
            change = _json([changes[user_id].to_list(user_id) for user_id in piece])
            pipeline.evalsha(_APPLY_SHA, 0, self._prefix, HISTORY_EVENTS, change)
        results = (await pipeline.execute(raise_on_error=False))[1:]
        return [
            user_id
            for piece, result in zip(pieces, results, strict=True)
            if isinstance(result, Exception)
            for user_id in piece
        ]

    async def begin_rebuild(self, user_id: str) -> str | None:
        """Return a token to be taken before the database is read, or None when another rebuild is under way."""
        token = secrets.token_hex(8)
        taken = await self._redis.set(self._prefix + "known-token:" + user_id, token, nx=True, px=_TOKEN_MILLISECONDS)
        return token if taken else None

    async def end_rebuild(self, user_id: str, token: str, record: UserRecord) -> bool:
        """Replace the user's keys by the record and mark them complete; False when an event came in between."""
        change = HistoryChange(seen=record.seen_item_ids, hidden=record.hidden_item_ids)
        for event, seq in record.history:
            change.history += (str(event.time_microseconds), _member(event, seq))
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.script_load(REPLACE)
        change_json = _json(change.to_list(user_id))
        pipeline.evalsha(_REPLACE_SHA, 0, self._prefix, token, self._lifetime_milliseconds, change_json)
        return bool((await pipeline.execute())[1])

    async def forget(self, user_ids: Sequence[str]) -> None:
        """Take the users' markers away, so that the next reader has their keys rebuilt."""
        kinds = ("known:", "known-token:")
        await self._delete(self._prefix + kind + user_id for user_id in user_ids for kind in kinds)

    async def forget_all(self) -> None:
        """Take all markers of the tenant away, a thousand at a time."""
        cursor = 0
        while True:
            cursor, keys = await self._redis.scan(cursor, match=f"{self._prefix}known*", count=_SCAN_COUNT)
            await self._delete(keys)
            if cursor == 0:
                return

    async def run_id(self) -> str:
        """Return what names this run of the Redis server: another one after each restart."""
        information = await self._redis.info("server")
        return str(information["run_id"])

    async def _delete(self, keys: Iterable[str | bytes]) -> None:
        keys = list(keys)
        if keys:
            await self._redis.unlink(*keys)
