from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from services.core.circuit_breaker import CircuitBreaker
from services.core.errors import UnavailableError
from services.core.query import History
from services.ranking.stages.history_hydrator import HistoryHydrator
from services.ranking.user_history import UserHistory

CACHED = UserHistory(History(("cached",)), frozenset({"s"}), frozenset({"h"}))
STORED = UserHistory(History(("stored",)))


class Cache:
    def __init__(self, known: UserHistory | None = CACHED, error: Exception | None = None, wait: float = 0.0) -> None:
        self._known, self._error, self._wait = known, error, wait

    async def read(self, tenant: str, user_id: str) -> UserHistory | None:
        assert (tenant, user_id) == ("t", "u")
        await asyncio.sleep(self._wait)
        if self._error is not None:
            raise self._error
        return self._known


class Store:
    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.timeouts: list[float] = []

    async def read_history(self, user_id: str, timeout_seconds: float) -> UserHistory:
        self.timeouts.append(timeout_seconds)
        if self._error is not None:
            raise self._error
        return STORED


def hydrator(cache: Cache, store: Store) -> HistoryHydrator:
    return HistoryHydrator(
        cache, store, CircuitBreaker("feedback"), cache_timeout_seconds=0.05, store_timeout_seconds=0.15
    )


async def test_what_the_cache_holds_is_enough(make_query: Any) -> None:
    store = Store()
    query = await hydrator(Cache(), store).hydrate_query(make_query())
    assert query.history.item_ids == ("cached",)
    assert (query.seen_item_ids, query.hidden_item_ids) == ({"s"}, {"h"})
    assert store.timeouts == []


@pytest.mark.parametrize(
    "cache",
    [Cache(known=None), Cache(error=RedisConnectionError()), Cache(error=ValueError("not json")), Cache(wait=5.0)],
    ids=["unknown", "away", "garbage", "hanging"],
)
async def test_else_the_feedback_service_is_asked(make_query: Any, cache: Cache) -> None:
    store = Store()
    async with asyncio.timeout(1.0):
        query = await hydrator(cache, store).hydrate_query(make_query())
    assert query.history.item_ids == ("stored",)
    assert store.timeouts == [0.15]


async def test_the_store_gets_no_more_time_than_is_left(make_query: Any) -> None:
    store = Store()
    await hydrator(Cache(known=None), store).hydrate_query(make_query(seconds=0.02))
    assert 0.0 <= store.timeouts[0] <= 0.02


async def test_a_store_that_is_away_is_left_alone_after_a_while(make_query: Any) -> None:
    store = Store(UnavailableError("away"))
    stage = hydrator(Cache(known=None), store)
    for _ in range(10):
        with pytest.raises(UnavailableError):
            await stage.hydrate_query(make_query())
    assert len(store.timeouts) == 3


async def test_both_away_is_an_error_that_the_pipeline_degrades(make_query: Any) -> None:
    with pytest.raises(UnavailableError):
        await hydrator(Cache(error=OSError()), Store(UnavailableError("away"))).hydrate_query(make_query())
