"""A scenario that no training has seen is served from what its items say, to those who took something there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from trommel.catalog.v1 import catalog_pb2

from tests.e2e.conftest import RunningStack
from tests.e2e.stack.test_new_items import within_seconds
from tests.e2e.stack.test_recommend import like, recommend

KINDS = {
    "drum": "{} drum for rock drummers, with a maple shell, snare wires and a tight drumhead.",
    "violin": "{} violin for the orchestra, carved of spruce, with a bow, rosin and a chin rest.",
    "microphone": "{} condenser microphone for vocals in the studio, with a cardioid pattern and an XLR cable.",
    "piano": "{} digital piano with eighty-eight weighted hammer keys and three pedals.",
}
WORDS = ("Small", "Large", "Red", "Old", "Cheap", "Fine", "Loud", "Light", "Travel", "Studio")


@pytest.fixture
def scenario(stack: RunningStack) -> Iterator[str]:
    """Forty instruments in a scenario of their own, gone afterwards."""
    name = f"instruments-{uuid.uuid4().hex[:8]}"
    items = [
        catalog_pb2.Item(
            id=f"{kind}-{number}-{name}",
            scenario=name,
            title=f"{word} {kind}",
            text=text.format(word),
        )
        for kind, text in KINDS.items()
        for number, word in enumerate(WORDS)
    ]
    stack.catalog.UpsertItems(iter([catalog_pb2.UpsertItemsRequest(items=items)]), timeout=30)
    yield name
    ids = [item.id for item in items]
    stack.catalog.DeleteItems(catalog_pb2.DeleteItemsRequest(item_ids=ids), timeout=30)


def test_a_new_scenario_is_served_from_its_texts(stack: RunningStack, scenario: str) -> None:
    user, stranger = f"drummer-{uuid.uuid4()}", f"nobody-{uuid.uuid4()}"
    like(stack, user, [f"drum-{number}-{scenario}" for number in range(3)])

    def kinds(user_id: str, **more: str) -> list[str]:
        slate = recommend(stack, user_id, **more)
        assert slate.degraded_reasons == []
        return [item.item_id.split("-")[0] for item in slate.items]

    # The texts are encoded meanwhile: forty of them, while other tests' wait too.
    assert within_seconds(lambda: kinds(user, scenario=scenario)[:5].count("drum") >= 4)
    assert set(kinds(user, scenario=scenario)) <= KINDS.keys()
    assert set(kinds(user, scenario=f"{scenario}/home")) <= KINDS.keys()
    assert set(kinds(stranger, scenario=scenario)) <= KINDS.keys()
    assert len(kinds(stranger, scenario=scenario)) == 10


def test_a_scenario_without_items_of_its_own_shows_all(stack: RunningStack) -> None:
    user = "user-3"
    assert recommend(stack, user, scenario="home/top").items == recommend(stack, user).items
