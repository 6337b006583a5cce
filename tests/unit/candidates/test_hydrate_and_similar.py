"""HydrateCandidates and SimilarItems as pipelines, and the choice of a bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from services.candidates.catalog.replica import CatalogReplica
from services.candidates.pipelines import BundlePipelines, PipelineChooser
from services.core.errors import NotFoundError, PreconditionError, UnavailableError
from services.core.query import ItemFilter
from services.plumbing.bundle_watcher import LoadedBundles
from tests.unit.candidates.world import VERSION, Feed, World, make_query, make_world


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> World:
    return await make_world(tmp_path)


async def test_named_items_get_the_scores_that_generated_ones_get(world: World) -> None:
    generated = (await world.pipelines.generate.run(make_query(30, ("100", "101")))).selected
    names = tuple(reversed(generated.item_ids))
    hydrated = (await world.pipelines.hydrate.run(make_query(30, ("100", "101"), item_ids=names))).selected
    assert tuple(hydrated.item_ids) == names
    assert hydrated.sources == world.pipelines.sources
    assert not hydrated.source_masks.any()
    np.testing.assert_allclose(
        hydrated.columns["source_scores"][::-1], generated.columns["source_scores"], rtol=1e-5, atol=1e-6
    )


async def test_unknown_unavailable_and_repeated_names_are_left_out(world: World) -> None:
    await world.change("7", deleted=True)
    await world.change("new")
    outcome = await world.pipelines.hydrate.run(make_query(6, item_ids=("9", "zzz", "7", "new", "8", "9")))
    assert outcome.selected.item_ids.tolist() == ["9", "new", "8"]
    assert outcome.selected.columns["source_scores"][:, 0].tolist() == pytest.approx([-np.log(9), 0, -np.log(8)])


async def test_hydrating_without_triton_leaves_its_column_at_0(world: World) -> None:
    world.triton.away = True
    outcome = await world.pipelines.hydrate.run(make_query(2, ("100",), item_ids=("99", "101")))
    scores = outcome.selected.columns["source_scores"]
    assert not scores[:, 3].any()
    assert scores[:, 1].all()
    assert outcome.degraded_reasons == ("no_user_vector",)


async def test_similar_items_are_near_and_never_the_item_itself(world: World) -> None:
    assert world.pipelines.similar is not None
    await world.change("101", deleted=True)
    wanted = ItemFilter(frozenset({"100", "99"}), frozenset(), frozenset({"comedy"}))
    outcome = await world.pipelines.similar.run(make_query(6, item_ids=("100",), filter=wanted))
    found = [int(item_id) for item_id in outcome.selected.item_ids]
    assert len(found) == 6
    assert all(0 < abs(n - 100) <= 8 and n not in (99, 101) and n % 3 for n in found)
    scores = outcome.selected.columns["score"]
    assert (np.diff(scores) <= 0).all()
    assert scores.max() <= 1.0


async def test_an_item_that_the_bundle_does_not_know_has_no_similar_ones_yet(world: World) -> None:
    assert world.pipelines.similar is not None
    await world.change("new")
    outcome = await world.pipelines.similar.run(make_query(6, item_ids=("new",)))
    assert len(outcome.selected) == 0


def chooser_of(world: World, *versions: str) -> PipelineChooser:
    loaded: LoadedBundles[BundlePipelines] = LoadedBundles()
    loaded.replace(tuple((version, world.pipelines) for version in versions))
    return PipelineChooser(loaded, world.without_bundle, world.replica)


async def test_the_first_wanted_bundle_that_is_loaded_answers(world: World) -> None:
    chooser = chooser_of(world, VERSION)
    assert chooser.for_versions(()) is world.pipelines
    assert chooser.for_versions(("20990101000000", VERSION)) is world.pipelines
    with pytest.raises(PreconditionError, match=f"loaded are {VERSION}"):
        chooser.for_versions(("20990101000000",))
    assert chooser_of(world).for_versions((VERSION,)) is world.without_bundle


async def test_similar_items_need_the_item_a_bundle_and_the_catalog(world: World) -> None:
    assert chooser_of(world, VERSION).for_similar("1")[0] is world.pipelines
    with pytest.raises(NotFoundError):
        chooser_of(world, VERSION).for_similar("zzz")
    await world.change("1", deleted=True)
    with pytest.raises(NotFoundError):
        chooser_of(world, VERSION).for_similar("1")
    with pytest.raises(PreconditionError):
        chooser_of(world).for_similar("2")
    unread = PipelineChooser(LoadedBundles(), world.without_bundle, CatalogReplica(Feed([])))
    with pytest.raises(UnavailableError):
        unread.for_similar("2")
