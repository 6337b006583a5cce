"""GenerateCandidates as a pipeline: sources, filters, scores."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from services.candidates.stages.resolved_query import resolved
from services.candidates.stages.source_threads import SourceThreads
from services.core.pipeline.roles import Outcome
from services.core.query import ItemFilter
from tests.unit.candidates.world import ITEM_COUNT, VERSION, World, make_query, make_world

SOURCES = ("popularity", "item_knn", "matrix_factors", "sequence")
NOT_ASKED = {"intent": "disabled", "fresh": "disabled"}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> World:
    return await make_world(tmp_path)


def ids_of(outcome: Outcome) -> list[str]:
    return list(outcome.selected.item_ids)


def status_of(outcome: Outcome) -> dict[str, str]:
    return {found.source: found.status for found in outcome.source_outcomes}


async def test_all_sources_propose_and_score_every_candidate(world: World) -> None:
    outcome = await world.pipelines.generate.run(make_query(40, ("100", "101", "102")))
    assert world.pipelines.sources == (*SOURCES, "intent", "scenario_liking")
    assert status_of(outcome) == {**dict.fromkeys(SOURCES, "answered"), **NOT_ASKED}
    assert world.triton.versions == [VERSION]
    scores = outcome.selected.columns["source_scores"]
    assert scores.shape == (40, 6)
    assert not scores[:, 4:].any(), "of no scenario, and nothing was asked for in words"
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert len(set(ids_of(outcome))) == 40
    near = ids_of(outcome).index("99")
    assert set(outcome.selected.sources_of(near)) >= {"item_knn", "sequence"}
    popular = ids_of(outcome).index("1")
    assert outcome.selected.sources_of(popular) == ["popularity"]
    assert scores[popular, 3] < scores[near, 3], "sources score what others proposed too"
    assert outcome.degraded_reasons == ()
    vector = resolved(outcome.query).arrived_vector()
    assert vector is not None
    np.testing.assert_allclose(vector, world.triton.vectors[[100, 101, 102]].mean(axis=0), rtol=1e-6)


async def test_the_scores_are_those_of_the_sources(world: World) -> None:
    outcome = await world.pipelines.generate.run(make_query(ITEM_COUNT, ("100",)))
    rows = outcome.selected.columns["row"]
    vectors = world.triton.vectors
    assert sorted(rows) == list(range(1, ITEM_COUNT + 1))
    np.testing.assert_allclose(
        outcome.selected.columns["source_scores"][:, 3], vectors[rows] @ vectors[100], rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(outcome.selected.columns["source_scores"][:, 0], -np.log(rows), rtol=1e-5)


async def test_only_the_newest_interactions_count_for_every_source(world: World) -> None:
    newest = tuple(str(1 + n % 50) for n in range(200))
    short = await world.pipelines.generate.run(make_query(30, newest))
    long = await world.pipelines.generate.run(make_query(30, ("150", "unknown item") * 100 + newest))
    assert ids_of(long) == ids_of(short)
    np.testing.assert_array_equal(long.selected.columns["source_scores"], short.selected.columns["source_scores"])


async def test_somebody_new_gets_what_is_popular(world: World) -> None:
    outcome = await world.pipelines.generate.run(make_query(5, ("unknown item",)))
    assert ids_of(outcome) == ["1", "2", "3", "4", "5"]
    assert status_of(outcome)["sequence"] == "disabled"
    assert world.triton.versions == []
    assert resolved(outcome.query).arrived_vector() is None
    assert not outcome.selected.columns["source_scores"][:, 1:].any()


async def test_exclusions_and_categories_cost_no_places(world: World) -> None:
    excluded = frozenset(str(n) for n in range(1, 151)) | {"not in the catalog"}
    wanted = ItemFilter(excluded, frozenset({"comedy", "musical"}), frozenset({"war"}))
    outcome = await world.pipelines.generate.run(make_query(200, ("160",), filter=wanted))
    expected = {str(n) for n in range(151, 201) if n % 3 == 0 and n % 10 != 0}
    assert set(ids_of(outcome)) == expected
    few = await world.pipelines.generate.run(make_query(7, ("160",), filter=wanted))
    assert len(ids_of(few)) == 7


async def test_deleted_and_unavailable_items_do_not_come(world: World) -> None:
    await world.change("1", deleted=True)
    await world.change("2", available_until=1)
    await world.change("3", available_from=2**62)
    await world.change("4", available_from=1, available_until=2**62)
    outcome = await world.pipelines.generate.run(make_query(ITEM_COUNT, ("100",)))
    assert len(ids_of(outcome)) == ITEM_COUNT - 3
    assert not {"1", "2", "3"} & set(ids_of(outcome))
    assert "4" in ids_of(outcome)


async def test_new_items_fill_up_where_the_bundle_has_too_few(world: World) -> None:
    await world.change("new", created_at=1, categories=("western",))
    await world.change("newest", created_at=2, categories=("western",))
    outcome = await world.pipelines.generate.run(make_query(ITEM_COUNT + 1))
    assert len(ids_of(outcome)) == ITEM_COUNT + 1
    assert "newest" in ids_of(outcome)
    westerns = ItemFilter(any_of_categories=frozenset({"western"}), excluded_item_ids=frozenset({"new"}))
    outcome = await world.pipelines.generate.run(make_query(5, ("100",), filter=westerns))
    assert ids_of(outcome) == ["newest"]
    assert not outcome.selected.columns["source_scores"].any()


async def test_what_was_taken_before_comes_again_where_it_is_not_excluded(tmp_path: Path) -> None:
    sources = ("popularity", "user_knn", "recency", "sequence")
    world = await make_world(tmp_path, sources=sources)
    history = ("150", "120", "90")
    again = await world.pipelines.generate.run(make_query(60, history))
    by_recency = [id_ for place, id_ in enumerate(ids_of(again)) if "recency" in again.selected.sources_of(place)]
    assert by_recency == ["120", "150"], "the latest first, but not what was taken just now"
    column = dict(zip(ids_of(again), again.selected.columns["source_scores"][:, 2].tolist(), strict=True))
    assert {id_: score for id_, score in column.items() if score} == {"120": 0.25, "150": 0.125}
    assert "user_knn" in again.selected.sources_of(ids_of(again).index("91"))
    unseen = make_query(60, history, filter=ItemFilter(excluded_item_ids=frozenset(history)))
    anew = await world.pipelines.generate.run(unseen)
    assert len(ids_of(anew)) == 60
    assert not set(history) & set(ids_of(anew))
    assert not anew.selected.columns["source_scores"][:, 2].any()


@pytest.mark.parametrize("trouble", ["away", "slow"])
async def test_without_triton_the_other_sources_answer_and_its_column_is_0(tmp_path: Path, trouble: str) -> None:
    world = await make_world(tmp_path, budget_seconds=0.05)
    world.triton.away, world.triton.delay_seconds = trouble == "away", 5.0
    outcome = await world.pipelines.generate.run(make_query(30, ("100",)))
    status = "failed" if trouble == "away" else status_of(outcome)["sequence"]
    assert status in ("failed", "late")
    assert status_of(outcome)["sequence"] == status
    assert outcome.degraded_reasons == (f"source_sequence_{status}",)
    assert resolved(outcome.query).arrived_vector() is None
    scores = outcome.selected.columns["source_scores"]
    assert len(scores) == 30
    assert not scores[:, 3].any()
    assert scores[:, 1].any()


async def test_a_large_bundle_computes_in_threads_with_the_same_result(tmp_path: Path, world: World) -> None:
    threads = SourceThreads(2, max_waiting=16)
    try:
        # The same bundle: an index built a second time is not quite the same graph.
        threaded = await make_world(tmp_path, threads.run)
        query = make_query(50, ("100", "20"))
        here, there = await world.pipelines.generate.run(query), await threaded.pipelines.generate.run(query)
    finally:
        threads.close()
    assert ids_of(here) == ids_of(there)
    np.testing.assert_array_equal(here.selected.columns["source_scores"], there.selected.columns["source_scores"])


async def test_before_the_first_bundle_the_newest_items_come(world: World) -> None:
    outcome = await world.without_bundle.generate.run(
        make_query(3, ("100",), filter=ItemFilter(frozenset({"200"}), frozenset(), frozenset({"comedy"})))
    )
    assert ids_of(outcome) == ["199", "197", "196"]
    assert world.without_bundle.sources == ("fresh",)
    assert outcome.selected.source_masks.tolist() == [1, 1, 1]
    scores = outcome.selected.columns["source_scores"]
    assert scores.shape == (3, 1)
    assert (np.diff(scores[:, 0]) < 0).all()


async def test_many_queries_at_once_do_not_mix(world: World) -> None:
    queries = [make_query(10, (str(n),)) for n in range(1, 60)]
    alone = [ids_of(await world.pipelines.generate.run(query)) for query in queries]
    together = await asyncio.gather(*(world.pipelines.generate.run(query) for query in queries))
    assert [ids_of(outcome) for outcome in together] == alone
