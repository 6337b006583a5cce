"""How a history is read: picks, and newcomers in the place of which known items are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest_asyncio

from services.candidates.stages.resolved_query import resolved
from services.core.content_space import ItemContent
from services.core.query import History
from tests.unit.candidates.test_newcomers import take_in
from tests.unit.candidates.world import Contents, World, make_query, make_world


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> World:
    made = await make_world(tmp_path, with_content=True)
    for name in ("new", "far", "blank", "twin"):
        await made.change(name)
    contents = {"new": ("at-100",), "twin": ("at-100",), "far": ("at-20",)}
    await take_in(made, Contents({name: ItemContent({}, at) for name, at in contents.items()}))
    return made


def rows(outcome) -> list[int]:
    return resolved(outcome.query).known_history.rows.tolist()


async def test_a_history_of_newcomers_alone_is_read_as_the_items_they_are_like(world: World) -> None:
    outcome = await world.pipelines.generate.run(make_query(40, ("far", "blank", "new", "unheard of")))
    known = resolved(outcome.query)
    assert known.read_item_ids == ("20", "", "100", "")
    assert rows(outcome) == [20, 100]
    vector = known.arrived_vector()
    np.testing.assert_allclose(vector, world.triton.vectors[[20, 100]].mean(axis=0), rtol=1e-6)
    assert not outcome.degraded_reasons
    ids = outcome.selected.item_ids.tolist()
    assert {"99", "101", "19", "21"} <= set(ids), "neighbours on the circle, which popularity does not propose"
    somebody_new = await world.pipelines.generate.run(make_query(40))
    assert resolved(somebody_new.query).read_item_ids is None
    assert ids[:10] != somebody_new.selected.item_ids.tolist()[:10]


async def test_items_that_the_caller_names_are_scored_for_it_too(world: World) -> None:
    outcome = await world.pipelines.hydrate.run(make_query(2, ("new",), item_ids=("5", "99")))
    assert resolved(outcome.query).read_item_ids == ("100",)
    of_known = await world.pipelines.hydrate.run(make_query(2, ("100",), item_ids=("5", "99")))
    np.testing.assert_array_equal(outcome.selected.columns["source_scores"], of_known.selected.columns["source_scores"])


async def test_two_that_are_like_the_same_item_are_one(world: World) -> None:
    outcome = await world.pipelines.generate.run(make_query(10, ("new", "far", "twin")))
    assert resolved(outcome.query).read_item_ids == ("", "20", "100")


async def test_the_events_of_the_newcomers_are_read(world: World) -> None:
    history = History(
        ("new", "blank", "far"),
        np.array([1_000_000, 2_000_000, 5_000_000], np.int64),
        np.array([6, 2, 4], np.int8),
        np.array([3.0, np.nan, np.nan], np.float32),
    )
    query = make_query(10)
    outcome = await world.pipelines.generate.run(replace(query, history=history))
    known = resolved(outcome.query)
    assert known.known_history.times.tolist() == [1_000_000, 5_000_000]
    np.testing.assert_array_equal(known.known_events, history.features_of(np.array([0, 2])))


async def test_one_known_item_is_enough_to_be_read_alone(world: World) -> None:
    outcome = await world.pipelines.generate.run(make_query(10, ("new", "50")))
    assert resolved(outcome.query).read_item_ids is None
    assert rows(outcome) == [50]


async def test_the_newest_sixteen_count(tmp_path: Path) -> None:
    world = await make_world(tmp_path, with_content=True)
    names = [f"new-{number}" for number in range(1, 21)]
    for name in names:
        await world.change(name)
    await take_in(world, Contents({f"new-{n}": ItemContent({}, (f"at-{n}",)) for n in range(1, 21)}))
    outcome = await world.pipelines.generate.run(make_query(10, tuple(names)))
    assert rows(outcome) == list(range(5, 21))


async def test_picks_that_the_catalog_does_not_have_are_ignored(world: World) -> None:
    await world.change("30", deleted=True)
    await world.change("31", deleted=True)
    query = make_query(10)
    history = History(("30", "40", "31"), picked_count=2)
    outcome = await world.pipelines.generate.run(replace(query, history=history))
    assert resolved(outcome.query).read_item_ids == ("", "40", "31"), "what was met counts, deleted or not"
    history = History(("30", "unheard of"), picked_count=2)
    outcome = await world.pipelines.generate.run(replace(query, history=history))
    assert resolved(outcome.query).read_item_ids == ("", "")
    assert rows(outcome) == []
    assert len(outcome.selected)
