"""Who is stale is remembered within bounds, and mended when Redis is back; the cache here is away when told so."""

from __future__ import annotations

import asyncio

from redis.exceptions import ConnectionError as RedisAwayError

from services.core.errors import UnavailableError
from services.feedback.stale_histories import StaleHistories


class Cache:
    def __init__(self) -> None:
        self.away = False
        self.forgotten: set[str] = set()
        self.forgot_all = 0
        self.run = "1"

    def _answer(self) -> None:
        if self.away:
            raise RedisAwayError

    async def run_id(self) -> str:
        self._answer()
        return self.run

    async def forget(self, user_ids) -> None:
        self._answer()
        self.forgotten.update(user_ids)

    async def forget_all(self) -> None:
        self._answer()
        self.forgot_all += 1


async def nobody():
    return ()


async def settle(stale: StaleHistories) -> None:
    async with asyncio.timeout(30):
        while not stale.redis_is_there or stale._work.is_set():  # noqa: ASYNC110 - its own task changes it
            await asyncio.sleep(0.01)


async def test_who_is_marked_is_forgotten():
    cache = Cache()
    stale = StaleHistories(cache, nobody)
    async with stale.mending():
        stale.mark(["a", "b"])
        await settle(stale)
        assert cache.forgotten == {"a", "b"}


async def test_nobody_waits_for_a_redis_that_is_away_and_nobody_is_lost():
    cache = Cache()
    stale = StaleHistories(cache, nobody)
    async with stale.mending():
        cache.away = True
        stale.redis_failed("apply", RedisAwayError())
        assert not stale.redis_is_there
        stale.mark(["a"])
        await asyncio.sleep(0.01)
        assert not stale.redis_is_there
        cache.away = False
        await settle(stale)
        assert cache.forgotten == {"a"}


async def test_more_users_than_are_remembered_means_all():
    cache = Cache()
    stale = StaleHistories(cache, nobody)
    stale.mark(str(number) for number in range(50_001))
    assert not stale._users
    async with stale.mending():
        await settle(stale)
    assert cache.forgot_all == 1


async def test_another_run_of_redis_means_all():
    cache = Cache()
    stale = StaleHistories(cache, nobody)
    async with stale.mending():
        stale.mark(["first"])  # settled when the first run has been seen
        await settle(stale)
        cache.run = "2"
        stale.mark(["a"])
        await settle(stale)
    assert cache.forgot_all == 1


async def test_the_users_of_the_newest_events_are_doubted_at_the_start_also_when_the_database_comes_late(monkeypatch):
    monkeypatch.setattr("services.feedback.stale_histories._LOOK_SECONDS", 0.01)
    answers = [UnavailableError("away"), ("a",)]

    async def newest():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cache = Cache()
    async with asyncio.timeout(30), StaleHistories(cache, newest).mending():
        while not cache.forgotten:  # noqa: ASYNC110 - another task changes it
            await asyncio.sleep(0.01)
    assert cache.forgotten == {"a"}


async def test_what_is_left_is_mended_at_the_end():
    cache = Cache()
    stale = StaleHistories(cache, nobody)
    async with stale.mending():
        await settle(stale)
        stale.mark(["late"])
    assert cache.forgotten == {"late"}
