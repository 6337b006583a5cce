"""Scenarios: who is shown what, and how a scenario that the bundle does not know is served from its texts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from services.candidates.catalog.scenario_texts import ScenarioTexts
from services.core.cascade import SCENARIO_LIKING
from services.core.content_space import ItemContent
from services.core.pipeline.roles import Outcome
from services.core.query import ItemFilter
from services.core.young_scenarios import YoungScenarios
from tests.unit.candidates.test_intent import WORDS, put_encoder
from tests.unit.candidates.world import ITEM_COUNT, Contents, World, make_query, make_world

KINDS = WORDS[:4]
A_KIND = 20


def saying(kind: int, seed: int) -> np.ndarray:
    """What an instrument says: that it is one, which all say loudest, and more or less of what kind."""
    vector = np.zeros(len(WORDS))
    vector[-1] = 3.0
    vector[: len(KINDS)] = np.random.default_rng(seed).normal(size=len(KINDS)) * 0.05
    vector[kind] += 0.4
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def encode_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What categories say is not asked of Triton."""

    async def encode(self: object, texts: list[str], timeout_seconds: float) -> np.ndarray:
        return np.zeros((len(texts), len(WORDS)), np.float32)

    loaded = world.texts._folder.current()
    assert loaded is not None
    monkeypatch.setattr(type(loaded), "encode", encode)


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The films of the bundle, and 80 instruments of four kinds that it does not know: "k0-0" to "k3-19"."""
    world = await make_world(tmp_path, with_content=True)
    put_encoder(tmp_path / "text_encoder")

    encode_nothing(world, monkeypatch)
    contents = Contents()
    for kind in range(len(KINDS)):
        for number in range(A_KIND):
            item_id = f"k{kind}-{number}"
            world.said.vectors[item_id] = saying(kind, 100 * kind + number)
            contents.of_item[item_id] = ItemContent({}, (f"at-{50 * kind + number + 1}",))
            await world.change(item_id, scenario="instruments", categories=(), created_at=number)
    await world.texts.take_in(world.replica.snapshot)
    assert world.pipelines.newcomers is not None
    view = world.pipelines.aligned.view(world.replica.snapshot, time.time_ns() // 1000)
    await world.pipelines.newcomers.take_in(view, contents)
    return world


async def proposed(world: World, history: tuple[str, ...], count: int = 20, **more: Any) -> list[str]:
    outcome = await world.pipelines.generate.run(make_query(count, history, **more))
    return outcome.selected.item_ids.tolist()


async def test_a_scenario_shows_its_own_items_and_those_of_what_it_lies_in(world: World) -> None:
    for scenario in ("instruments", "instruments/home", "instruments/home/top"):
        found = await proposed(world, ("99",), scenario=scenario)
        assert len(found) == 20
        assert all(item.startswith("k") for item in found), scenario
    # What lies in it is not shown: those items are for that place alone.
    await world.change("pick", scenario="instruments/picks")
    assert "pick" in await proposed(world, ("99",), 200, scenario="instruments/picks")
    assert "pick" not in await proposed(world, ("99",), 200, scenario="instruments")


async def test_a_scenario_that_no_item_belongs_to_narrows_nothing(world: World) -> None:
    everywhere = await proposed(world, ("99",), 200)
    assert any(item.isdigit() for item in everywhere)
    for scenario in ("home", "instrument", "films/home"):
        assert await proposed(world, ("99",), 200, scenario=scenario) == everywhere


async def liked(world: World, history: tuple[str, ...], count: int) -> list[str]:
    """Best first, as ranking orders them: by the liking, or by the logit where there is none."""
    query = make_query(60, history, scenario="instruments", filter=ItemFilter(frozenset(history)))
    outcome = await world.pipelines.generate.run(query)
    column = scores_of(world, outcome, SCENARIO_LIKING)
    order = np.argsort(-(column if column.any() else scores_of(world, outcome, "sequence")), kind="stable")
    found: list[str] = outcome.selected.item_ids[order[:count]].tolist()
    return found


def scores_of(world: World, outcome: Outcome, name: str) -> np.ndarray:
    column: np.ndarray = outcome.selected.columns["source_scores"][:, world.pipelines.sources.index(name)]
    return column


async def test_in_a_new_scenario_those_come_first_that_say_what_the_user_took_there(world: World) -> None:
    for kind in range(len(KINDS)):
        taken = f"k{kind}-0"
        for history in ((taken, f"k{kind}-1"), ("99", "101", taken)):
            found = await liked(world, history, 15)
            assert sum(item.startswith(f"k{kind}-") for item in found) >= 11, history
        before = (kind + 1) % len(KINDS)
        found = await liked(world, (f"k{before}-5", taken), 15)
        counts = [sum(item.startswith(f"k{of}-") for item in found) for of in (kind, before)]
        assert counts[0] > counts[1], "what was taken last counts most"


async def test_somebody_who_took_nothing_there_gets_what_suits_by_content(world: World) -> None:
    # "at-51" to "at-70" is where the content map puts kind 1.
    assert all(item.startswith("k1-") for item in await liked(world, ("55", "56"), 8))
    nobody = await proposed(world, (), scenario="instruments")
    assert len(nobody) == 20
    assert all(item.startswith("k") for item in nobody)


async def test_the_callers_own_items_are_scored_whatever_their_scenario(world: World) -> None:
    query = make_query(3, ("k2-0",), item_ids=("5", "k2-1", "k3-1"), scenario="instruments")
    outcome = await world.pipelines.hydrate.run(query)
    assert outcome.selected.item_ids.tolist() == ["5", "k2-1", "k3-1"]
    liking = scores_of(world, outcome, SCENARIO_LIKING)
    assert liking[0] == 0, "it is of no scenario that this is about"
    assert liking[1] > liking[2]


async def test_how_many_took_an_item_counts_while_a_scenario_is_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Films 1 to 100 of the bundle belong to a scenario that it calls young; 42 is what everybody takes."""
    takers = np.zeros(ITEM_COUNT + 1, np.float32)
    takers[42] = 1_000.0
    world = await make_world(tmp_path, young=YoungScenarios({"young"}, takers))
    put_encoder(tmp_path / "text_encoder")
    encode_nothing(world, monkeypatch)
    for number in range(1, 101):
        world.said.vectors[str(number)] = saying(number % 4, number)
        await world.change(str(number), scenario="young")
    await world.texts.take_in(world.replica.snapshot)
    outcome = await world.pipelines.generate.run(make_query(90, ("4", "8"), scenario="young"))
    liking = scores_of(world, outcome, SCENARIO_LIKING)
    assert outcome.selected.item_ids[liking.argmax()] == "42"
    others = [place for place, item in enumerate(outcome.selected.item_ids) if item != "42"]
    best = sorted(others, key=lambda place: -liking[place])[:15]
    assert sum(int(outcome.selected.item_ids[place]) % 4 == 0 for place in best) >= 10
    elsewhere = await world.pipelines.generate.run(make_query(90, ("150",), scenario="young"))
    assert not scores_of(world, elsewhere, SCENARIO_LIKING).any(), "the user took nothing there"


async def test_texts_are_placed_once_and_again_when_they_change(world: World) -> None:
    texts, snapshot = ScenarioTexts(), world.replica.snapshot
    vectors, says = world.texts.table.vectors.copy(), world.texts.table.says.copy()
    nothing = np.empty(0, np.intp)
    first = texts.take_in(snapshot, vectors, says, np.flatnonzero(says))["instruments"]
    assert len(first.slots) == 80
    assert texts.take_in(snapshot, vectors, says, nothing)["instruments"] is first
    slot = snapshot.slot_of["k0-3"]
    vectors[slot] = saying(2, 7)
    second = texts.take_in(snapshot, vectors, says, np.array([slot]))["instruments"]
    assert second.space is first.space
    moved = np.abs(second.vectors - first.vectors).max(axis=1) > 1e-6
    assert snapshot.item_ids[second.slots[moved]].tolist() == ["k0-3"]
    says[first.slots[:20]] = False
    fewer = texts.take_in(snapshot, vectors, says, first.slots[:20])["instruments"]
    assert fewer.space is not first.space
    assert fewer.fitted_count == 60
