"""Parts that are away, hang, die and come back: the answer always comes."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from trommel.ranking.v1 import ranking_pb2 as pb

VERSION, SCENARIO = "20240101000000", "movies/home"
ANNS_ITEMS = {str(number) for number in range(50, 90)}


def recommend(user_id: str = "ann", **fields: Any) -> pb.RecommendRequest:
    return pb.RecommendRequest(**{"user_id": user_id, "scenario": SCENARIO, "count": 10, **fields})


def ids(slate: pb.Slate) -> list[str]:
    return [item.item_id for item in slate.items]


@pytest.mark.parametrize("protocol", [2, 3])
async def test_the_cached_history_alone_is_enough(stack: Any, start_ranking: Any, nowhere: str, protocol: int) -> None:
    async with start_ranking() as ranking:
        await ranking.stub.Recommend(recommend())  # feedback completes the cache when it is asked
    url = f"{stack.environment['TROMMEL_REDIS_URL']}?protocol={protocol}"
    async with start_ranking(redis_url=url, feedback_url=nowhere, history_timeout_seconds=1) as ranking:
        slate = (await ranking.stub.Recommend(recommend())).slate
    assert list(slate.degraded_reasons) == []
    assert slate.items[0].predictions
    assert not set(ids(slate)) & ANNS_ITEMS


async def test_without_redis_the_history_comes_from_feedback(start_ranking: Any, nowhere: str) -> None:
    async with start_ranking(redis_url=f"redis://{nowhere}/0", history_store_timeout_seconds=3) as ranking:
        slate = (await ranking.stub.Recommend(recommend())).slate
    assert list(slate.degraded_reasons) == []
    assert slate.items[0].predictions, "ranked, so the history was there"
    assert not set(ids(slate)) & ANNS_ITEMS


async def test_a_redis_that_hangs_costs_its_timeout_only(start_ranking: Any) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with start_ranking(redis_url=f"redis://127.0.0.1:{port}/0", history_timeout_seconds=0.05) as ranking:
        await ranking.stub.Recommend(recommend())
        slate = (await ranking.stub.Recommend(recommend())).slate
    assert list(slate.degraded_reasons) == []
    silent.close()


async def test_without_redis_and_feedback_everybody_is_new(start_ranking: Any, nowhere: str) -> None:
    async with start_ranking(redis_url=f"redis://{nowhere}/0", feedback_url=nowhere) as ranking:
        slate = (await ranking.stub.Recommend(recommend())).slate
    assert list(slate.degraded_reasons) == ["history_unavailable"]
    assert ids(slate)[:3] == ["1", "2", "3"]


async def test_without_candidates_popular_items_of_the_bundle_are_served(start_ranking: Any, nowhere: str) -> None:
    async with start_ranking(candidates_url=nowhere) as ranking:
        slate = (await ranking.stub.Recommend(recommend(count=60))).slate
        filtered = (await ranking.stub.Recommend(recommend(filter=pb.SlateFilter(excluded_item_ids=["1", "3"])))).slate
    assert list(slate.degraded_reasons) == ["candidates_unavailable"]
    assert slate.bundle_version == VERSION
    assert ids(slate)[:49] == [str(number) for number in range(1, 50)]
    assert not set(ids(slate)) & ANNS_ITEMS, "seen items stay out"
    assert ids(filtered)[:2] == ["2", "4"]


async def test_without_triton_candidate_scores_make_the_order(start_ranking: Any, nowhere: str) -> None:
    async with start_ranking(triton_url=nowhere) as ranking:
        slates = [(await ranking.stub.Recommend(recommend())).slate for _ in range(6)]
        started = time.perf_counter()
        await ranking.stub.Recommend(recommend())
        assert time.perf_counter() - started < 0.2
    for slate in slates:
        assert list(slate.degraded_reasons) == ["ranker_unavailable"]
        assert len(slate.items) == 10
        assert not slate.items[0].predictions
        assert slate.items[0].title


@pytest.mark.usefixtures("restored_bundle")
async def test_a_bundle_that_triton_does_not_have_is_not_used(stack: Any, start_ranking: Any) -> None:
    async with start_ranking() as ranking:
        stack.publish("20240102000000", to_triton=False)
        await asyncio.sleep(2.0)
        slate = (await ranking.stub.Recommend(recommend())).slate
        assert slate.bundle_version == VERSION
        assert list(slate.degraded_reasons) == []


@pytest.mark.usefixtures("restored_bundle")
async def test_a_new_bundle_goes_live_under_traffic_without_a_failed_or_degraded_answer(
    stack: Any, start_ranking: Any
) -> None:
    async with start_ranking() as ranking:
        seen: dict[str, int] = {}
        stop = asyncio.Event()

        async def ask() -> None:
            while not stop.is_set():
                slate = (await ranking.stub.Recommend(recommend(), timeout=10)).slate
                assert list(slate.degraded_reasons) == []
                seen[slate.bundle_version] = seen.get(slate.bundle_version, 0) + 1

        callers = [asyncio.create_task(ask()) for _ in range(3)]
        await asyncio.sleep(0.5)
        await asyncio.to_thread(stack.publish, "20240103000000")
        try:
            for _ in range(100):
                await asyncio.sleep(0.1)
                if seen.get("20240103000000", 0) >= 10 or any(caller.done() for caller in callers):
                    break
        finally:
            stop.set()
            await asyncio.gather(*callers)
    assert set(seen) == {VERSION, "20240103000000"}


async def test_kill_nine_of_triton_fails_nothing_and_full_answers_return_by_themselves(
    stack: Any, start_ranking: Any
) -> None:
    async with start_ranking() as ranking:

        async def answer() -> pb.Slate:
            slate: pb.Slate = (await ranking.stub.Recommend(recommend(), timeout=10)).slate
            assert len(slate.items) == 10
            return slate

        assert list((await answer()).degraded_reasons) == []
        stack.kill("triton")
        degraded = 0
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            reasons = list((await answer()).degraded_reasons)
            degraded += "ranker_unavailable" in reasons
            if degraded and not reasons:
                break
            await asyncio.sleep(0.05)
        assert degraded, "the kill was noticed"
        for _ in range(5):
            assert list((await answer()).degraded_reasons) == [], "and full answers are back"
