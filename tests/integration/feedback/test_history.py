"""Histories on the real Redis: complete or not there, in order of time, bounded."""

from __future__ import annotations

import json

from redis.asyncio import Redis
from trommel.feedback.v1 import feedback_pb2 as pb

from services.feedback.event_store import EventStore
from services.feedback.history_cache import HistoryCache
from services.plumbing.clients.postgres import open_pool
from services.plumbing.metrics import HISTORY_REBUILDS


async def record(feedback, *events):
    return await feedback.RecordEvents(pb.RecordEventsRequest(events=events))


async def get(feedback, user_id="u", **fields):
    return await feedback.GetHistory(pb.GetHistoryRequest(user_id=user_id, **fields))


class Cached:
    """Reads a user's keys as ranking does."""

    def __init__(self, redis: Redis, tenant: str, user_id: str = "u") -> None:
        self._redis = redis
        self._key = f"trommel:{tenant}:{{}}:{user_id}".format

    async def known(self):
        return await self._redis.get(self._key("known"))

    async def history(self):
        members = await self._redis.zrange(self._key("history"), 0, -1, withscores=True)
        return [(json.loads(member)[1], int(score)) for member, score in members]

    async def members(self):
        return [json.loads(member) for member in await self._redis.zrange(self._key("history"), 0, -1)]

    async def items(self):
        return [item_id for item_id, _ in await self.history()]

    async def seen(self):
        return await self._redis.smembers(self._key("seen"))

    async def hidden(self):
        return await self._redis.smembers(self._key("hidden"))

    async def lifetimes(self):
        kinds = ("known", "history", "seen", "hidden")
        return {kind: await self._redis.pttl(self._key(kind)) for kind in kinds}


async def test_an_unknown_user_has_an_empty_history_that_is_known(feedback, redis, tenant):
    assert await get(feedback) == pb.GetHistoryResponse()
    cached = Cached(redis, tenant)
    assert await cached.known() == "1"
    assert await cached.history() == []


async def test_events_of_a_known_user_reach_redis_before_they_are_acknowledged(feedback, redis, tenant, make_event):
    await get(feedback)
    cached = Cached(redis, tenant)
    await record(feedback, make_event(item_id="a"), make_event(item_id="b", kind="LIKE", scenario="s", value=2.5))
    assert await cached.items() == ["a", "b"]
    (_, second) = await cached.members()
    assert second[1:] == ["b", 4, 2.5, "s"]
    assert len(second[0]) == 20
    assert second[0].isdigit()
    assert await cached.known() == "1"


async def test_what_is_not_complete_is_never_marked_as_known(feedback, redis, tenant, make_event):
    await record(feedback, make_event(item_id="a"))
    cached = Cached(redis, tenant)
    assert await cached.known() is None
    await get(feedback)
    await record(feedback, make_event(item_id="b"))
    assert await cached.known() == "1"
    assert await cached.items() == ["a", "b"]


async def test_each_type_goes_where_it_belongs(feedback, redis, tenant, make_event):
    kinds = ("IMPRESSION", "CLICK", "VIEW", "LIKE", "DISLIKE", "RATING", "PURCHASE", "HIDE")
    interactions = {"CLICK", "VIEW", "LIKE", "RATING", "PURCHASE"}
    events = [make_event(item_id=kind, kind=kind, value=1) for kind in kinds]
    cached = Cached(redis, tenant)

    async def agrees(response):
        assert set(response.seen_item_ids) == await cached.seen() == interactions == set(await cached.items())
        assert set(response.hidden_item_ids) == await cached.hidden() == {"DISLIKE", "HIDE"}
        assert [event.item_id for event in response.events] == [kind for kind in kinds[::-1] if kind != "IMPRESSION"]

    await get(feedback)
    await record(feedback, *events)
    incremental = (await cached.members(), await cached.seen(), await cached.hidden())
    await agrees(await get(feedback))
    assert incremental == (await cached.members(), await cached.seen(), await cached.hidden())


async def test_events_that_arrive_late_keep_the_order_of_time(feedback, redis, tenant, make_event):
    await get(feedback)
    await record(feedback, make_event(item_id="new", at=2_000_000))
    await record(feedback, make_event(item_id="old", at=1_000_001), make_event(item_id="older", at=1_000_000))
    cached = Cached(redis, tenant)
    assert await cached.history() == [("older", 1_000_000), ("old", 1_000_001), ("new", 2_000_000)]
    assert [event.item_id for event in (await get(feedback)).events] == ["new", "old", "older"]


async def test_events_of_one_time_keep_the_order_of_arrival(feedback, redis, tenant, make_event):
    names = [f"i{number}" for number in range(120, 90, -1)]
    await get(feedback)
    await record(feedback, *(make_event(item_id=name, at=7_000_000) for name in names))
    cached = Cached(redis, tenant)
    assert await cached.items() == names
    await get(feedback)
    assert await cached.items() == names


async def test_the_newest_256_are_kept_also_when_old_events_arrive(feedback, redis, tenant, make_event):
    await get(feedback)
    await record(feedback, *(make_event(item_id=f"i{number}", at=1_000_000 + number) for number in range(300)))
    await record(feedback, make_event(item_id="ancient", at=1))
    cached = Cached(redis, tenant)
    newest = [f"i{number}" for number in range(44, 300)]
    assert await cached.items() == newest
    response = await get(feedback)
    assert await cached.items() == newest
    assert [event.item_id for event in response.events] == newest[::-1]
    assert len(response.seen_item_ids) == 301


async def test_limit_and_scenario_narrow_the_answer_and_not_the_cache(feedback, redis, tenant, make_event):
    await record(feedback, *(make_event(item_id=f"i{n}", scenario="a" if n % 2 else "b") for n in range(10)))
    response = await get(feedback, limit=2, scenario="a")
    assert [event.item_id for event in response.events] == ["i9", "i7"]
    assert len(response.seen_item_ids) == 10
    assert len(await Cached(redis, tenant).items()) == 10


async def test_keys_outlive_the_marker_that_vouches_for_them(feedback, redis, tenant, make_event):
    await get(feedback)
    await record(feedback, make_event(kind="LIKE"), make_event(kind="HIDE"))
    lifetimes = await Cached(redis, tenant).lifetimes()
    known = lifetimes.pop("known")
    assert known > 0
    assert all(lifetime > known for lifetime in lifetimes.values())


async def test_an_event_committed_during_a_rebuild_ends_the_rebuild(feedback, redis, tenant, settings, make_event):
    cache = HistoryCache(redis, tenant, 60)
    async with open_pool(settings.database_url, autocommit=True) as pool:
        store = EventStore(pool, tenant)
        token = await cache.begin_rebuild("u")
        before = await store.user_record("u", 256, "")
        await record(feedback, make_event(item_id="meanwhile"))
        assert not await cache.end_rebuild("u", token, before)
    cached = Cached(redis, tenant)
    assert await cached.known() is None
    await get(feedback)
    assert await cached.items() == ["meanwhile"]


async def test_one_rebuild_of_a_user_at_a_time(redis, tenant):
    cache = HistoryCache(redis, tenant, 60)
    assert await cache.begin_rebuild("u") is not None
    assert await cache.begin_rebuild("u") is None
    assert await cache.begin_rebuild("v") is not None


async def test_who_sends_an_event_again_has_the_history_checked(feedback, redis, tenant, make_event, until):
    event = make_event()
    await get(feedback)
    await record(feedback, event)
    cached = Cached(redis, tenant)
    assert await cached.known() == "1"
    await record(feedback, event)

    async def is_doubted():
        return await cached.known() is None

    await until(is_doubted, "the marker is taken away")


async def test_a_key_of_a_wrong_kind_is_repaired_by_the_next_reader(feedback, redis, tenant, make_event, until):
    await get(feedback)
    await redis.set(f"trommel:{tenant}:seen:u", "not a set")
    response = await record(feedback, make_event(item_id="a"))
    assert response.results[0].status == pb.EventResult.STATUS_RECORDED
    cached = Cached(redis, tenant)

    async def is_doubted():
        return await cached.known() is None

    await until(is_doubted, "the marker is taken away")
    await get(feedback)
    assert await cached.seen() == {"a"}


async def test_rebuilds_are_counted(feedback):
    before = HISTORY_REBUILDS._value.get()
    await get(feedback, "someone")
    assert HISTORY_REBUILDS._value.get() == before + 1


async def test_ten_thousand_seen_items_are_rebuilt_in_one_piece(feedback, redis, tenant, make_event):
    for start in range(0, 11_000, 1000):
        await record(feedback, *(make_event(item_id=f"i{start + number}") for number in range(1000)))
    response = await get(feedback, limit=1)
    seen = await Cached(redis, tenant).seen()
    assert seen == set(response.seen_item_ids) == {f"i{number}" for number in range(1000, 11_000)}
