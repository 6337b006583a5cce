"""An item that nobody has seen is in the slates of those whom it suits within seconds, and an intent finds it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from trommel.catalog.v1 import catalog_pb2
from trommel.feedback.v1 import feedback_pb2

from tests.e2e.conftest import RunningStack
from tests.e2e.stack.test_recommend import like, recommend

_SECONDS = 5.0


def within_seconds(condition: Callable[[], bool]) -> bool:
    ends = time.monotonic() + _SECONDS
    while not (met := condition()) and time.monotonic() < ends:
        time.sleep(0.1)
    return met


def upsert(stack: RunningStack, item: catalog_pb2.Item) -> None:
    stack.catalog.UpsertItems(iter([catalog_pb2.UpsertItemsRequest(items=[item])]), timeout=10)


def fans_of(stack: RunningStack, genre: str) -> tuple[list[str], list[str]]:
    """Users by how much of their history is of the genre: those with most, and those with none."""
    shares = {}
    for number in range(60):
        user = f"user-{number}"
        history = stack.feedback.GetHistory(feedback_pb2.GetHistoryRequest(user_id=user), timeout=10).events
        shares[user] = sum(event.item_id.startswith(genre.lower()) for event in history) / len(history)
    order = sorted(shares, key=lambda user: -shares[user])
    return order[:5], [user for user in order if shares[user] == 0][:20]


def test_a_new_film_is_served_to_fans_of_its_genre_and_not_to_others(stack: RunningStack) -> None:
    film = f"brand-new-{uuid.uuid4()}"
    fans, others = fans_of(stack, "Western")
    assert len(others) == 20

    def has(user: str) -> bool:
        return film in [item.item_id for item in recommend(stack, user).items]

    upsert(stack, catalog_pb2.Item(id=film, title="Western 99", categories=["Western"]))
    try:
        assert within_seconds(lambda: sum(map(has, fans)) >= 3)
        # A fifth of all users is offered it by design; of those who never took the genre hardly more.
        assert sum(map(has, others)) <= 7
        place = next(item for item in recommend(stack, fans[0]).items if item.item_id == film)
        assert place.title == "Western 99"
        assert "newcomers" in place.sources
        assert place.predictions
    finally:
        stack.catalog.DeleteItems(catalog_pb2.DeleteItemsRequest(item_ids=[film]), timeout=10)
    assert within_seconds(lambda: not any(map(has, fans)))


def test_an_intent_finds_it_for_everybody_and_changed_words_count(stack: RunningStack) -> None:
    film = f"told-{uuid.uuid4()}"
    user = f"new-{uuid.uuid4()}"

    def score(intent: str) -> float:
        """The film's score in the slate, or one below all where it is not there."""
        slate = recommend(stack, user, intent=intent)
        assert slate.degraded_reasons == []
        return next((item.score for item in slate.items if item.item_id == film), float("-inf"))

    upsert(stack, catalog_pb2.Item(id=film, title="The Vault", text="Thieves plan the robbery of a bank in Paris."))
    try:
        assert within_seconds(lambda: score("a bank robbery") > 0)
        robbery, penguins = score("a bank robbery"), score("penguins in Antarctica")
        upsert(stack, catalog_pb2.Item(id=film, title="On the Ice", text="Penguins wander through Antarctica."))
        assert within_seconds(lambda: score("penguins in Antarctica") > penguins)
        assert score("a bank robbery") < robbery
    finally:
        stack.catalog.DeleteItems(catalog_pb2.DeleteItemsRequest(item_ids=[film]), timeout=10)


def test_an_intent_goes_with_the_history(stack: RunningStack) -> None:
    user = f"new-{uuid.uuid4()}"
    like(stack, user, stack.films.of_genre("War")[:5])
    slate = recommend(stack, user, intent="a western")
    westerns = [item for item in slate.items if item.item_id.startswith("western")]
    assert len(westerns) >= 8
    assert all("intent" in item.sources for item in westerns)
    assert {item.reason for item in westerns} == {"Answers what you ask for"}


def test_somebody_whose_whole_history_is_a_new_film_is_no_stranger(stack: RunningStack) -> None:
    film, user = f"brand-new-{uuid.uuid4()}", f"newcomers-only-{uuid.uuid4()}"
    upsert(stack, catalog_pb2.Item(id=film, title="Western 98", categories=["Western"]))
    try:
        event = feedback_pb2.Event(
            event_id=str(uuid.uuid4()), user_id=user, item_id=film, type=feedback_pb2.EVENT_TYPE_LIKE
        )
        event.time.GetCurrentTime()
        stack.feedback.RecordEvents(feedback_pb2.RecordEventsRequest(events=[event]), timeout=10)
        assert within_seconds(lambda: any(item.predictions for item in recommend(stack, user).items))
        slate = recommend(stack, user)
        assert not slate.degraded_reasons
        assert film not in [item.item_id for item in slate.items]
        stranger = recommend(stack, f"nobody-{uuid.uuid4()}")

        def westerns(items):
            return sum(item.item_id.startswith("western") for item in items)

        assert westerns(slate.items) > westerns(stranger.items)
    finally:
        stack.catalog.DeleteItems(catalog_pb2.DeleteItemsRequest(item_ids=[film]), timeout=10)
