from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.core.circuit_breaker import CircuitBreaker
from services.core.errors import UnavailableError
from services.core.item_scenarios import ItemScenarios
from services.core.query import ItemFilter
from services.plumbing.bundle_watcher import LoadedBundles
from services.ranking.ranking_bundle import RankingBundle
from services.ranking.stages.callers_order_source import CallersOrderSource
from services.ranking.stages.candidates_source import PROVIDED, CandidatesSource
from services.ranking.stages.popular_source import PopularSource
from services.ranking.titles import Titles


class Candidates:
    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.timeouts: list[float] = []
        self.error = error

    async def generate(self, query: Any, count: int, timeout_seconds: float) -> Any:
        return self._called(("generate", count), timeout_seconds)

    async def hydrate(self, query: Any, timeout_seconds: float) -> Any:
        return self._called(("hydrate", query.item_ids), timeout_seconds)

    def _called(self, call: tuple[str, Any], timeout_seconds: float) -> str:
        self.calls.append(call)
        self.timeouts.append(timeout_seconds)
        if self.error is not None:
            raise self.error
        return "candidates"


def source(candidates: Candidates) -> CandidatesSource:
    return CandidatesSource(candidates, CircuitBreaker("candidates"), candidate_count=500, timeout_seconds=0.4)


@pytest.mark.parametrize(("wanted", "asked"), [(1, 500), (10, 500), (300, 600), (500, 1000), (1000, 1024)])
async def test_it_asks_for_enough_to_choose_from(make_query: Any, wanted: int, asked: int) -> None:
    candidates = Candidates()
    await source(candidates).propose(make_query(count=wanted))
    assert candidates.calls == [("generate", asked)]


async def test_the_callers_items_are_hydrated_instead(make_query: Any) -> None:
    candidates = Candidates()
    await source(candidates).propose(make_query(item_ids=("a", "b")))
    assert candidates.calls == [("hydrate", ("a", "b"))]


async def test_time_is_left_for_the_ranker(make_query: Any) -> None:
    candidates = Candidates()
    await source(candidates).propose(make_query(seconds=60))
    await source(candidates).propose(make_query(seconds=0.1))
    assert candidates.timeouts[0] < 0.4
    assert candidates.timeouts[1] == pytest.approx(0.06, abs=0.01)
    with pytest.raises(TimeoutError):
        await source(candidates).propose(make_query(seconds=0.001))
    assert len(candidates.calls) == 2


async def test_a_service_that_is_away_is_left_alone_after_a_while(make_query: Any) -> None:
    candidates = Candidates(UnavailableError("away"))
    stage = source(candidates)
    for _ in range(10):
        with pytest.raises(UnavailableError):
            await stage.propose(make_query())
    assert len(candidates.calls) == 3


async def test_popular_items_come_out_of_rankings_own_copy(bundles: Any, make_query: Any) -> None:
    titles = Titles()
    titles.learn(["3"], ["Four Rooms (1995)"])
    found = await PopularSource(bundles, titles).propose(
        make_query(
            count=2,
            seen_item_ids=frozenset({"1"}),
            hidden_item_ids=frozenset({"2"}),
            filter=ItemFilter(excluded_item_ids=frozenset({"4"})),
        )
    )
    assert found.item_ids.tolist() == ["3", "5", "6", "7"]
    assert found.columns["titles"].tolist() == ["Four Rooms (1995)", "", "", ""]
    assert found.sources_of(0) == ["popularity"]
    assert found.columns.keys() >= PROVIDED
    assert np.all(np.diff(found.columns["source_scores"][:, 0]) < 0)
    assert found.bundle_version == "20240101000000"


async def test_popular_items_are_of_the_scenario_that_is_asked_for(bundle: RankingBundle, make_query: Any) -> None:
    names = ["", *("goods" if row % 3 == 0 else "films" for row in range(1, bundle.index.item_count + 1))]
    loaded: LoadedBundles[RankingBundle] = LoadedBundles()
    loaded.replace((("20240101000000", replace(bundle, scenarios=ItemScenarios.of(names))),))

    async def found(scenario: str) -> list[str]:
        query = make_query(count=2, scenario=scenario, seen_item_ids=frozenset({"3"}))
        ids: list[str] = (await PopularSource(loaded, Titles()).propose(query)).item_ids.tolist()
        return ids

    assert await found("goods/home") == ["6", "9", "12", "15"]
    assert await found("home") == ["1", "2", "4", "5"]


async def test_seen_items_may_be_popular_when_they_are_wanted(bundles: Any, make_query: Any) -> None:
    query = make_query(count=1, seen_item_ids=frozenset({"1"}), include_seen=True)
    assert (await PopularSource(bundles, Titles()).propose(query)).item_ids.tolist() == ["1", "2"]


async def test_everything_excluded_or_no_bundle_is_nothing(bundles: Any, make_query: Any) -> None:
    everything = frozenset(str(number) for number in range(1, 201))
    query = make_query(hidden_item_ids=everything)
    assert len(await PopularSource(bundles, Titles()).propose(query)) == 0
    assert len(await PopularSource(LoadedBundles(), Titles()).propose(make_query())) == 0


@pytest.mark.parametrize("stage", ["popular", "callers_order"])
async def test_stand_ins_promise_nothing_about_categories(bundles: Any, make_query: Any, stage: str) -> None:
    query = make_query(filter=ItemFilter(any_of_categories=frozenset({"x"})), item_ids=("a",))
    source_ = PopularSource(bundles, Titles()) if stage == "popular" else CallersOrderSource(Titles())
    assert len(await source_.propose(query)) == 0


async def test_the_callers_order_stands(make_query: Any) -> None:
    found = await CallersOrderSource(Titles()).propose(make_query(item_ids=("b", "a")))
    assert found.item_ids.tolist() == ["b", "a"]
    assert found.columns.keys() >= PROVIDED
    assert found.sources_of(0) == []
