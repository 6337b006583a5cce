"""Items that the bundle does not know: where their content puts them, and who is offered them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest_asyncio

from services.candidates.bundles.liking import Liking
from services.candidates.bundles.newcomers import NewcomerTable
from services.core.content_space import ItemContent
from services.core.errors import UnavailableError
from services.core.query import ItemFilter
from tests.unit.candidates.world import ITEM_COUNT, Contents, World, content_map_of, make_query, make_world

SEQUENCE, SUITS = 3, 4


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> World:
    return await make_world(tmp_path, with_content=True)


async def take_in(world: World, contents: Contents) -> int:
    assert world.pipelines.newcomers is not None
    view = world.pipelines.aligned.view(world.replica.snapshot, time.time_ns() // 1000)
    return await world.pipelines.newcomers.take_in(view, contents)


async def test_a_new_item_goes_to_those_who_like_its_kind(world: World) -> None:
    contents = Contents({"new": ItemContent({}, ("at-100",)), "far": ItemContent({}, ("at-20",))})
    await world.change("new", created_at=1)
    await world.change("far", created_at=2)
    await world.change("blank", created_at=3)
    assert await take_in(world, contents) == 3
    outcome = await world.pipelines.generate.run(make_query(60, ("99", "101")))
    ids = outcome.selected.item_ids.tolist()
    assert "newcomers" in outcome.selected.sources_of(ids.index("new"))
    assert "blank" not in ids, "nothing is known of it, and there are enough others"
    scores = outcome.selected.columns["source_scores"]
    vectors = world.triton.vectors
    wanted = vectors[100] @ vectors[[99, 101]].mean(axis=0)
    np.testing.assert_allclose(scores[ids.index("new"), SEQUENCE], wanted, rtol=1e-4)
    assert scores[ids.index("new"), :SEQUENCE].tolist() == [0, 0, 0], "other sources know nothing of it"
    assert scores[ids.index("new"), SUITS] > 0
    assert not scores[[item.isdigit() for item in ids], SUITS].any(), "others are no newcomers"
    assert "far" not in ids, "it does not suit"
    named = await world.pipelines.hydrate.run(make_query(1, ("99", "101"), item_ids=("far",)))
    assert named.selected.columns["source_scores"][0, SUITS] < 0
    assert world.pipelines.sources[SUITS] == "newcomers"


async def test_what_is_taken_together_with_the_history_counts(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    factors = random.normal(size=(ITEM_COUNT + 1, 4)).astype(np.float32)
    factors[[50, 99]], factors[[60]] = [9, 0, 0, 0], [-9, 0, 0, 0]
    world = await make_world(tmp_path, with_content=True, factors=factors)
    await world.change("together")
    await world.change("apart")
    contents = Contents({"together": ItemContent({}, ("at-50",)), "apart": ItemContent({}, ("at-60",))})
    await take_in(world, contents)
    query = make_query(2, ("99",), item_ids=("together", "apart"))
    scores = (await world.pipelines.hydrate.run(query)).selected.columns["source_scores"]
    content_map = content_map_of(world.triton.vectors, factors)
    placed = content_map.vectors([contents.of_item[name] for name in ("together", "apart")])
    wanted = content_map.queries(world.triton.vectors[[99]], [np.array([99], np.int32)]) @ placed.T
    np.testing.assert_allclose(scores[:, SEQUENCE], wanted[0], rtol=1e-4)
    assert scores[0, SEQUENCE] > scores[1, SEQUENCE]
    assert scores[0, SUITS] > 0 > scores[1, SUITS]


async def test_what_counts_for_nothing_in_the_content_map_makes_no_newcomer(world: World) -> None:
    """A category of which nothing was learnt, as long as the text is not encoded: it would lie where the mean does."""
    await world.change("strange")
    contents = Contents({"strange": ItemContent({}, ("a category that is new",))})
    assert await take_in(world, contents) == 1
    assert world.pipelines.newcomers is not None
    assert len(world.pipelines.newcomers.table) == 0
    contents.of_item["strange"] = ItemContent({}, ("a category that is new", "at-100"))
    await world.change("strange", title="Told now")
    assert await take_in(world, contents) == 1
    assert len(world.pipelines.newcomers.table) == 1


async def test_named_newcomers_are_scored_too(world: World) -> None:
    await world.change("new")
    await take_in(world, Contents({"new": ItemContent({}, ("at-100",))}))
    outcome = await world.pipelines.hydrate.run(make_query(2, ("99",), item_ids=("5", "new")))
    scores = outcome.selected.columns["source_scores"][:, SEQUENCE]
    np.testing.assert_allclose(scores, world.triton.vectors[[5, 100]] @ world.triton.vectors[99], rtol=1e-4, atol=1e-5)


async def test_what_is_excluded_deleted_or_of_other_categories_is_not_proposed(world: World) -> None:
    contents = Contents({name: ItemContent({}, ("at-100",)) for name in ("new", "gone", "other", "out")})
    for name in contents.of_item:
        await world.change(name, categories=("western",) if name != "other" else ("war",))
    await take_in(world, contents)
    await world.change("gone", deleted=True)
    wanted = ItemFilter(frozenset({"out"}), frozenset({"western"}))
    outcome = await world.pipelines.generate.run(make_query(50, ("99",), filter=wanted))
    assert outcome.selected.item_ids.tolist() == ["new"]


async def test_only_what_changed_is_read_again(world: World) -> None:
    contents = Contents({"new": ItemContent({}, ("at-100",))})
    await world.change("new")
    await world.change("second")
    assert await take_in(world, contents) == 2
    assert await take_in(world, contents) == 0
    contents.asked.clear()
    contents.of_item["new"] = ItemContent({}, ("at-20",))
    await world.change("new", title="Another")
    await world.change("7", title="Known to the bundle")
    assert await take_in(world, contents) == 1
    assert contents.asked == ["new"]
    assert world.pipelines.newcomers is not None
    np.testing.assert_allclose(world.pipelines.newcomers.table.vectors[0], world.triton.vectors[20], atol=1e-5)
    await world.change("new", deleted=True)
    await take_in(world, contents)
    assert len(world.pipelines.newcomers.table) == 0


async def test_while_the_database_is_away_the_table_stays_and_is_read_later(world: World) -> None:
    class Away(Contents):
        async def of(self, item_ids: object) -> list[ItemContent]:
            raise UnavailableError("away")

    contents = Contents({"new": ItemContent({}, ("at-100",))})
    await world.change("new")
    try:
        await take_in(world, Away())
    except UnavailableError:
        pass
    else:
        raise AssertionError("it was not told")
    assert await take_in(world, contents) == 1
    assert world.pipelines.newcomers is not None
    assert len(world.pipelines.newcomers.table) == 1


async def test_without_a_user_vector_newcomers_are_no_candidates_of_this_source(world: World) -> None:
    await world.change("new")
    await take_in(world, Contents({"new": ItemContent({}, ("at-100",))}))
    outcome = await world.pipelines.generate.run(make_query(20))
    assert "new" not in outcome.selected.item_ids.tolist()
    world.triton.away = True
    outcome = await world.pipelines.generate.run(make_query(20, ("99",)))
    assert "source_newcomers_failed" in outcome.degraded_reasons
    assert len(outcome.selected) == 20


def test_the_table_knows_its_slots() -> None:
    table = NewcomerTable(np.array([2, 9], np.int32), np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    known, places = table.places(np.array([9, 1, 2, 30], np.int32))
    assert known.tolist() == [True, False, True, False]
    assert places.tolist() == [1, 0]
    nothing = NewcomerTable(np.empty(0, np.int32), np.empty((0, 2), np.float32), np.empty(0, np.float32))
    assert nothing.places(np.array([2, 1], np.int32))[0].tolist() == [False, False]


def test_liking_compares_users_who_like_everything_with_those_who_do_not() -> None:
    random = np.random.default_rng(0)
    items = random.normal(size=(500, 4)).astype(np.float32) + 1.0
    public = random.normal(size=(400, 4)).astype(np.float32)
    liking = Liking(items, public, public)
    user = public[0]
    logits = items @ user
    likings = liking.of(user, logits)
    np.testing.assert_allclose([likings.mean(), likings.std()], [0, 1], atol=0.01)
    np.testing.assert_allclose(liking.of(7 * user, 7 * logits), likings, rtol=1e-4, atol=1e-5)
    vectors = random.normal(size=(3, 4)).astype(np.float32)
    least = liking.least(vectors)
    reached = np.array([liking.of(each, vectors @ each) for each in public]) >= least
    np.testing.assert_allclose(reached.mean(axis=0), 0.2, atol=0.005)
