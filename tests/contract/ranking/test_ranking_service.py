from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from trommel.ranking.v1 import ranking_pb2 as pb


def recommend(**fields: Any) -> pb.RecommendRequest:
    return pb.RecommendRequest(**{"user_id": "u", "count": 10, **fields})


def rank(**fields: Any) -> pb.RankRequest:
    return pb.RankRequest(**{"user_id": "u", "item_ids": ["a", "b"], **fields})


async def refused(awaitable: Any) -> dict[str, str]:
    """Return the field violations of a call that must end with one INVALID_ARGUMENT line."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    error = caught.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "\n" not in error.details()
    assert len(error.details()) <= 200
    status = rpc_status.from_call(error)
    assert status is not None
    details = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(details)
    return {violation.field: violation.description for violation in details.field_violations}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"count": 0}, "count"),
        ({"count": -1}, "count"),
        ({"count": 501}, "count"),
        ({"count": 100_000}, "count"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 129}, "user_id"),
        ({"user_id": "x" * (10 << 20)}, "user_id"),
        ({"user_id": "a\x00b"}, "user_id"),
        ({"scenario": "Movies Home"}, "scenario"),
        ({"request_id": "a b"}, "request_id"),
        ({"request_id": "x" * 65}, "request_id"),
        ({"filter": pb.SlateFilter(excluded_item_ids=[""])}, "filter.excluded_item_ids[0]"),
        ({"filter": pb.SlateFilter(excluded_item_ids=["a"] * 10_001)}, "filter.excluded_item_ids"),
        ({"filter": pb.SlateFilter(any_of_categories=["a"] * 65)}, "filter.any_of_categories"),
        ({"context": {str(number): "v" for number in range(33)}}, "context"),
        ({"context": {"k": "v" * 257}}, "context"),
        ({"time_budget": Duration(nanos=1)}, "time_budget"),
        ({"time_budget": Duration(seconds=61)}, "time_budget"),
    ],
)
async def test_recommend_refuses_what_can_never_succeed(stub: Any, fields: Any, field: str) -> None:
    violations = await refused(stub.Recommend(recommend(**fields)))
    assert [name.split("[")[0] for name in violations] == [field.split("[", maxsplit=1)[0]]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"item_ids": []}, "item_ids"),
        ({"item_ids": ["a"] * 1001}, "item_ids"),
        ({"item_ids": ["x" * 129]}, "item_ids[0]"),
        ({"count": -1}, "count"),
        ({"count": 1001}, "count"),
        ({"user_id": ""}, "user_id"),
    ],
)
async def test_rank_refuses_what_can_never_succeed(stub: Any, fields: Any, field: str) -> None:
    assert list(await refused(stub.Rank(rank(**fields)))) == [field]


async def test_all_faults_are_told_at_once(stub: Any) -> None:
    assert set(await refused(stub.Recommend(pb.RecommendRequest()))) == {"user_id", "count"}


async def test_with_everything_away_the_answer_still_comes_and_says_so(stub: Any) -> None:
    slate = (await stub.Recommend(recommend(request_id="mine"), timeout=5)).slate
    assert slate.request_id == "mine"
    assert list(slate.items) == []
    assert list(slate.degraded_reasons) == ["history_unavailable", "candidates_unavailable"]
    assert slate.bundle_version == ""


async def test_with_everything_away_rank_keeps_the_callers_order(stub: Any) -> None:
    slate = (await stub.Rank(rank(item_ids=["c", "a", "c", "b"]), timeout=5)).slate
    assert [item.item_id for item in slate.items] == ["c", "a", "b"]
    assert list(slate.degraded_reasons) == ["history_unavailable", "candidates_unavailable"]
    assert all(item.reason for item in slate.items)
    excluded = pb.SlateFilter(excluded_item_ids=["a"])
    slate = (await stub.Rank(rank(item_ids=["c", "a", "b"], count=1, filter=excluded), timeout=5)).slate
    assert [item.item_id for item in slate.items] == ["c"]


async def test_with_everything_away_answers_soon_come_fast(stub: Any) -> None:
    for _ in range(4):
        await stub.Recommend(recommend(), timeout=5)
    started = time.perf_counter()
    for _ in range(5):
        await stub.Recommend(recommend(), timeout=5)
    assert time.perf_counter() - started < 5 * 0.3, "nobody waits for parts that are known to be away"


async def test_a_request_id_is_made_when_there_is_none(stub: Any) -> None:
    made = {(await stub.Recommend(recommend(), timeout=5)).slate.request_id for _ in range(3)}
    assert len(made) == 3
    assert all(1 <= len(request_id) <= 64 for request_id in made)


async def test_a_budget_of_a_millisecond_is_answered_degraded(stub: Any) -> None:
    slate = (await stub.Recommend(recommend(time_budget=Duration(nanos=1_000_000)), timeout=5)).slate
    assert "candidates_unavailable" in slate.degraded_reasons


async def test_an_expired_deadline_is_deadline_exceeded(stub: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Recommend(recommend(), timeout=0.000_001)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_many_at_once_are_all_answered(stub: Any) -> None:
    slates = await asyncio.gather(*[stub.Recommend(recommend(user_id=str(n)), timeout=10) for n in range(50)])
    assert len({answer.slate.request_id for answer in slates}) == 50


async def test_reflection_lists_the_ranking_service(channel: grpc.aio.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    answers = [answer async for answer in stub.ServerReflectionInfo(iter([asked]))]
    assert "trommel.ranking.v1.RankingService" in {s.name for s in answers[0].list_services_response.service}
