"""A slate out of the whole stack: made by Triton, changed by feedback, true to its filters, there for everybody."""

from __future__ import annotations

import urllib.request
import uuid

import grpc
import pytest
from trommel.feedback.v1 import feedback_pb2
from trommel.ranking.v1 import ranking_pb2

from tests.e2e.conftest import RunningStack


def recommend(stack: RunningStack, user: str, count: int = 10, **options: object) -> ranking_pb2.Slate:
    request = ranking_pb2.RecommendRequest(user_id=user, count=count, **options)
    return stack.ranking.Recommend(request, timeout=10).slate


def like(stack: RunningStack, user: str, items: list[str], kind: int = feedback_pb2.EVENT_TYPE_LIKE) -> None:
    events = [feedback_pb2.Event(event_id=str(uuid.uuid4()), user_id=user, item_id=item, type=kind) for item in items]
    answer = stack.feedback.RecordEvents(feedback_pb2.RecordEventsRequest(events=events), timeout=10)
    assert {result.status for result in answer.results} == {feedback_pb2.EventResult.STATUS_RECORDED}


def triton_requests(stack: RunningStack, model: str) -> float:
    address = f"http://127.0.0.1:{stack.settings.port_base + 32}/metrics"
    text = urllib.request.urlopen(address, timeout=10).read().decode()
    lines = [line for line in text.splitlines() if line.startswith(f'nv_inference_request_success{{model="{model}"')]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_a_slate_is_ranked_by_triton(stack: RunningStack) -> None:
    before = triton_requests(stack, "ranker"), triton_requests(stack, "user_encoder")
    slate = recommend(stack, "user-1")
    assert len(slate.items) == 10
    assert slate.degraded_reasons == []
    assert slate.ranked_candidate_count >= 300
    assert all(item.title and item.sources and item.reason and item.predictions for item in slate.items)
    assert len({item.item_id for item in slate.items}) == 10
    assert slate.policy
    assert triton_requests(stack, "ranker") > before[0]
    assert triton_requests(stack, "user_encoder") > before[1]


def test_slates_follow_taste(stack: RunningStack) -> None:
    history = stack.feedback.GetHistory(feedback_pb2.GetHistoryRequest(user_id="user-2"), timeout=10)
    genres = {event.item_id.split("-")[0] for event in history.events}
    slate = recommend(stack, "user-2")
    assert sum(item.item_id.split("-")[0] in genres for item in slate.items) >= 8


def test_three_likes_change_the_slate_at_once(stack: RunningStack) -> None:
    user = f"new-{uuid.uuid4()}"
    like(stack, user, stack.films.of_genre("Western")[:3])
    before = [item.item_id for item in recommend(stack, user).items]
    like(stack, user, stack.films.of_genre("Musical")[10:13])
    after = [item.item_id for item in recommend(stack, user).items]
    assert before != after
    assert sum(item.startswith("musical") for item in after) > sum(item.startswith("musical") for item in before)


def test_an_unknown_user_gets_popular_films(stack: RunningStack) -> None:
    slate = recommend(stack, f"nobody-{uuid.uuid4()}")
    assert len(slate.items) == 10
    assert slate.degraded_reasons == []


def test_filters_hold(stack: RunningStack) -> None:
    user = f"new-{uuid.uuid4()}"
    seen, hidden, excluded = stack.films.of_genre("War")[:3]
    like(stack, user, [seen])
    like(stack, user, [hidden], feedback_pb2.EVENT_TYPE_HIDE)
    wanted = ranking_pb2.SlateFilter(any_of_categories=["War"], excluded_item_ids=[excluded])
    items = {item.item_id for item in recommend(stack, user, 100, filter=wanted).items}
    assert items == set(stack.films.of_genre("War")) - {seen, hidden, excluded}


def test_rank_orders_what_the_caller_brings(stack: RunningStack) -> None:
    brought = [stack.films.of_genre(genre)[30] for genre in ("War", "Drama", "Comedy")]
    request = ranking_pb2.RankRequest(user_id="user-3", item_ids=[*brought, "no-such-film"])
    slate = stack.ranking.Rank(request, timeout=10).slate
    assert {item.item_id for item in slate.items} <= set(brought)
    assert slate.bundle_version


@pytest.mark.parametrize(
    "request_",
    [
        ranking_pb2.RecommendRequest(user_id="user-1", count=0),
        ranking_pb2.RecommendRequest(user_id="user-1", count=100_000),
        ranking_pb2.RecommendRequest(user_id="", count=10),
        ranking_pb2.RecommendRequest(user_id="u" * 10_000_000, count=10),
    ],
    ids=["no items", "too many items", "no user", "10 MB user id"],
)
def test_a_bad_request_is_told_what_is_bad(stack: RunningStack, request_: ranking_pb2.RecommendRequest) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stack.ranking.Recommend(request_, timeout=20)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "\n" not in caught.value.details()
    assert len(caught.value.details()) < 300


def test_memory_stays_small(stack: RunningStack) -> None:
    for name in ("candidates", "ranking", "feedback"):
        resident = stack.process(name).memory_info().rss
        assert resident < 300e6, f"{name} holds {resident / 1e6:.0f} MB"
