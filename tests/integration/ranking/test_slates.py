"""Slates made with everything there."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from typing import Any

import grpc
import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration
from trommel.feedback.v1 import feedback_pb2
from trommel.ranking.v1 import ranking_pb2 as pb

VERSION, SCENARIO = "20240101000000", "movies/home"
ANNS_ITEMS = {str(number) for number in range(50, 90)}


def recommend(user_id: str = "ann", **fields: Any) -> pb.RecommendRequest:
    return pb.RecommendRequest(**{"user_id": user_id, "scenario": SCENARIO, "count": 10, **fields})


def ids(slate: pb.Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def inferences(stack: Any, model: str) -> int:
    """Return how many requests Triton has answered for one model."""
    port = stack.settings.port_base + 32
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()
    wanted = [line for line in lines if line.startswith("nv_inference_request_success") and f'"{model}"' in line]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in wanted))


def inferences_beyond(before: int, stack: Any, model: str) -> int:
    """Return the count once it has risen: Triton counts an inference after its answer has left."""
    until = time.monotonic() + 5.0
    while (counted := inferences(stack, model)) == before and time.monotonic() < until:
        time.sleep(0.05)
    return counted


async def test_a_user_with_a_history_gets_a_full_slate_ranked_in_triton(stack: Any, ranking: Any) -> None:
    before = inferences(stack, "ranker")
    slate = (await ranking.stub.Recommend(recommend())).slate
    assert list(slate.degraded_reasons) == []
    assert slate.bundle_version == VERSION
    assert slate.policy == "category_mmr_0.3+newcomers_0.1"
    assert slate.ranked_candidate_count >= 300
    assert len(set(ids(slate))) == 10
    assert not set(ids(slate)) & ANNS_ITEMS
    for item in slate.items:
        assert item.title == f"Film {item.item_id}"
        assert item.sources
        assert item.reason
        assert [prediction.name for prediction in item.predictions] == ["engage"]
        assert item.predictions[0].value == pytest.approx(item.score)
    assert await asyncio.to_thread(inferences_beyond, before, stack, "ranker") == before + 1


async def test_a_reason_names_a_film_of_the_history(ranking: Any) -> None:
    for _ in range(50):
        slate = (await ranking.stub.Recommend(recommend(count=30))).slate
        named = [item for item in slate.items if item.reason.startswith("Because of Film ")]
        if named:
            assert named[0].reason.split("Film ")[1].split(" ")[0] in ANNS_ITEMS
            return
        await asyncio.sleep(0.1)  # titles of the history come in the background
    pytest.fail("no reason ever named a film")


async def test_an_unknown_user_gets_popular_films_and_that_is_no_degraded_answer(ranking: Any) -> None:
    slate = (await ranking.stub.Recommend(recommend("nobody has heard of me"))).slate
    assert ids(slate)[:3] == ["1", "2", "3"]
    assert list(slate.degraded_reasons) == []
    assert {item.reason for item in slate.items} == {"Popular now"}
    assert all(not item.predictions for item in slate.items)


async def test_picks_of_somebody_new_are_a_history(ranking: Any) -> None:
    picks = [str(number) for number in range(50, 90)]
    slate = (await ranking.stub.Recommend(recommend("just arrived", onboarding_item_ids=picks, count=30))).slate
    assert list(slate.degraded_reasons) == []
    assert not set(ids(slate)) & ANNS_ITEMS, "picks do not come back"
    assert all(item.predictions for item in slate.items), "the ranker was asked"
    popular = (await ranking.stub.Recommend(recommend("just arrived", count=30))).slate
    assert ids(popular) != ids(slate)
    again = recommend("just arrived", onboarding_item_ids=picks, count=100, filter=pb.SlateFilter(include_seen=True))
    assert set(ids((await ranking.stub.Recommend(again)).slate)) & ANNS_ITEMS
    named = [item for item in slate.items if item.reason.startswith("Because you picked Film ")]
    # Titles of popular films are learnt with the bundle, in the background.
    for _ in range(50):
        if named:
            break
        await asyncio.sleep(0.1)
        slate = (await ranking.stub.Recommend(recommend("just arrived", onboarding_item_ids=picks, count=30))).slate
        named = [item for item in slate.items if item.reason.startswith("Because you picked Film ")]
    assert named[0].reason.removeprefix("Because you picked Film ") in ANNS_ITEMS


async def test_picks_that_nobody_knows_make_nobody_known(ranking: Any) -> None:
    unknown = (await ranking.stub.Recommend(recommend("just arrived", onboarding_item_ids=["no such film"]))).slate
    assert ids(unknown)[:3] == ["1", "2", "3"]
    assert list(unknown.degraded_reasons) == []
    assert {item.reason for item in unknown.items} == {"Popular now"}


async def test_picks_say_nothing_of_somebody_with_a_history(ranking: Any) -> None:
    known = (await ranking.stub.Recommend(recommend())).slate
    picked = (await ranking.stub.Recommend(recommend(onboarding_item_ids=["350"]))).slate
    assert [item.score for item in picked.items] == pytest.approx([item.score for item in known.items])
    assert ids(picked) == ids(known)


async def test_too_many_picks_are_refused(ranking: Any) -> None:
    for picks in (["1"] * 51, [""]):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ranking.stub.Recommend(recommend(onboarding_item_ids=picks))
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_the_next_slate_reflects_an_event(stack: Any, ranking: Any) -> None:
    stack.record("bob", *map(str, range(100, 120)))
    before = ids((await ranking.stub.Recommend(recommend("bob"))).slate)
    stack.record("bob", before[0], "300", "302", "304")
    after = ids((await ranking.stub.Recommend(recommend("bob"))).slate)
    assert before[0] not in after
    assert set(after) != set(before)


async def test_hidden_items_stay_away_even_when_seen_ones_may_come(stack: Any, ranking: Any) -> None:
    stack.record("eve", *map(str, range(200, 220)))
    first = ids((await ranking.stub.Recommend(recommend("eve"))).slate)[0]
    stack.record("eve", first, type_=feedback_pb2.EVENT_TYPE_HIDE)
    again = pb.SlateFilter(include_seen=True)
    slate = (await ranking.stub.Recommend(recommend("eve", count=100, filter=again))).slate
    assert first not in ids(slate)
    assert set(ids(slate)) & {str(number) for number in range(200, 220)}


@pytest.mark.parametrize(
    ("item_filter", "fits"),
    [
        (pb.SlateFilter(any_of_categories=["Odd"]), lambda number: number % 2 == 1),
        (pb.SlateFilter(excluded_categories=["Odd"]), lambda number: number % 2 == 0),
        (pb.SlateFilter(excluded_item_ids=[str(n) for n in range(1, 300)]), lambda number: number >= 300),
    ],
)
async def test_filters(ranking: Any, item_filter: pb.SlateFilter, fits: Any) -> None:
    slate = (await ranking.stub.Recommend(recommend(filter=item_filter))).slate
    assert len(slate.items) == 10
    assert all(fits(int(item_id)) for item_id in ids(slate))
    assert list(slate.degraded_reasons) == []


async def test_the_largest_slate(ranking: Any) -> None:
    slate = (await ranking.stub.Recommend(recommend(count=500))).slate
    assert len(ids(slate)) == len(set(ids(slate))) == 400 - len(ANNS_ITEMS)


async def test_rank_orders_what_the_caller_brings_as_recommend_would(ranking: Any) -> None:
    recommended = (await ranking.stub.Recommend(recommend())).slate
    request = pb.RankRequest(
        user_id="ann", scenario=SCENARIO, item_ids=[*reversed(ids(recommended)), "no such film", "50", "51"]
    )
    ranked = (await ranking.stub.Rank(request)).slate
    assert ids(ranked) == ids(recommended), "seen and unknown items are left out"
    assert list(ranked.degraded_reasons) == []
    for mine, theirs in zip(ranked.items, recommended.items, strict=True):
        assert mine.score == pytest.approx(theirs.score, abs=1e-5), "a score depends on no other candidate"
    request.count = 3
    assert ids((await ranking.stub.Rank(request)).slate) == ids(recommended)[:3]


async def test_the_impression_is_recorded_with_what_the_ranker_saw(stack: Any, start_ranking: Any) -> None:
    async with start_ranking() as ranking:
        request = recommend(request_id=f"r-{time.time_ns()}", context={"device": "tv"})
        slate = (await ranking.stub.Recommend(request)).slate
    # Ranking has drained: what it served is recorded.
    with psycopg.connect(stack.environment["TROMMEL_DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT user_id, scenario, bundle_version, policy, context, history_item_ids, item_ids, scores,"
            " feature_names, features, degraded_reasons FROM slates WHERE request_id = %s",
            (request.request_id,),
        ).fetchone()
    assert row is not None
    user_id, scenario, version, policy, context, history, item_ids, scores, names, features, reasons = row
    assert (user_id, scenario, version, policy) == ("ann", SCENARIO, VERSION, slate.policy)
    assert (context if isinstance(context, dict) else json.loads(context)) == {"device": "tv"}
    assert history == [str(number) for number in range(50, 90)], "oldest first"
    assert item_ids == ids(slate)
    assert scores == pytest.approx([item.score for item in slate.items])
    assert {"popularity", "item_knn", "matrix_factors", "sequence"} <= set(names)
    assert len(features) == len(item_ids) * len(names)
    assert any(features)
    assert reasons == []


async def test_a_short_budget_is_kept_degraded_or_not(ranking: Any) -> None:
    await ranking.stub.Recommend(recommend())
    for milliseconds in (1, 5, 20):
        started = time.perf_counter()
        budget = Duration(nanos=milliseconds * 1_000_000)
        slate = (await ranking.stub.Recommend(recommend(time_budget=budget))).slate
        # The machine of a test is slow and shared: the point is that nobody waits for the usual timeouts.
        assert time.perf_counter() - started < 0.35
        assert len(slate.items) == 10
