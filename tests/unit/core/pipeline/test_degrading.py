"""What the pipeline does when parts are away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from services.core.candidate_set import CandidateSet, Column
from services.core.pipeline.chain import Chain, ChainError, FallbackSource, OptionalHydrator, ScorerWithFallback
from services.core.pipeline.runner import Pipeline, StageError
from services.core.query import Query


@dataclass
class Recorder:
    sources: list[tuple[str, str, int]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    answers: list[bool] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, role: str, stage: str) -> Iterator[None]:
        try:
            yield
        finally:
            self.stages.append(stage)

    def proposed(self, source: str, status: str, count: int) -> None:
        self.sources.append((source, status, count))

    def removed(self, stage: str, count: int) -> None: ...

    def answered(self, *, in_full: bool) -> None:
        self.answers.append(in_full)

    def degraded(self, reason: str) -> None:
        self.reasons.append(reason)

    def failed(self, stage: str, error: BaseException) -> None:
        self.failures.append(stage)


@dataclass
class Stage:
    name: str
    error: BaseException | None = None
    wait_seconds: float = 0.0
    item_ids: tuple[str, ...] = ("a", "b")
    reasons: tuple[str, ...] = ()
    value: float = 1.0
    budget_seconds: float = 0.1
    requires: frozenset[str] = frozenset()
    provides: frozenset[str] = frozenset()

    def enabled(self, query: Query) -> bool:
        return True

    async def _act(self) -> None:
        await asyncio.sleep(self.wait_seconds)
        if self.error is not None:
            raise self.error

    async def hydrate_query(self, query: Query) -> Query:
        await self._act()
        return replace(query, seen_item_ids=frozenset({"z"}))

    async def propose(self, query: Query) -> CandidateSet:
        await self._act()
        count = len(self.item_ids)
        return CandidateSet(
            np.array(self.item_ids, np.object_),
            (f"{self.name}_inside",),
            np.ones(count, np.uint32),
            {},
            {"x": ("y",)},
            "20240101000000",
            self.reasons,
        )

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:
        await self._act()
        return {"score": np.full(len(candidates), self.value)}

    async def select(self, query: Query, candidates: CandidateSet) -> Any:
        return np.arange(min(query.count, len(candidates)), dtype=np.intp)


def scorer(**options: Any) -> Stage:
    return Stage(provides=frozenset({"score"}), **options)


def chain(**options: Any) -> Chain:
    return Chain(
        **{
            "name": "test",
            "query_hydrators": (),
            "sources": (Stage("source"),),
            "candidate_hydrators": (),
            "filters": (),
            "scorers": (ScorerWithFallback(scorer(name="scorer")),),
            "selector": Stage("selector"),
            **options,
        }
    )


def query(seconds: float = 5.0) -> Query:
    deadline = asyncio.get_running_loop().time() + seconds
    return Query(tenant="t", request_id="r", user_id="u", scenario="s", count=10, deadline=deadline)


@pytest.fixture
def observer() -> Recorder:
    return Recorder()


async def test_an_optional_hydrator_that_works_counts_like_any_other(observer: Recorder) -> None:
    hydrators = (OptionalHydrator(Stage("history"), "history_unavailable"),)
    outcome = await Pipeline(chain(query_hydrators=hydrators), observer).run(query())
    assert outcome.query.seen_item_ids == {"z"}
    assert outcome.degraded_reasons == ()
    assert observer.answers == [True]
    assert "history" in observer.stages


async def test_an_optional_hydrator_that_fails_degrades(observer: Recorder) -> None:
    hydrators = (OptionalHydrator(Stage("history", error=OSError()), "history_unavailable"),)
    outcome = await Pipeline(chain(query_hydrators=hydrators), observer).run(query())
    assert outcome.query.seen_item_ids == frozenset()
    assert outcome.degraded_reasons == ("history_unavailable",)
    assert (observer.failures, observer.reasons) == (["history"], ["history_unavailable"])
    assert observer.answers == [False]
    assert list(outcome.selected.item_ids) == ["a", "b"]


async def test_any_other_hydrator_that_fails_fails_the_answer(observer: Recorder) -> None:
    with pytest.raises(OSError, match="away"):
        await Pipeline(chain(query_hydrators=(Stage("history", error=OSError("away")),)), observer).run(query())


@pytest.mark.parametrize("trouble", [{"error": OSError()}, {"wait_seconds": 1.0}])
async def test_the_fallback_source_steps_in_when_no_source_answered(observer: Recorder, trouble: Any) -> None:
    fallback = FallbackSource(Stage("popular", item_ids=("p",)), "candidates_unavailable")
    sources = (Stage("one", **trouble), Stage("two", **trouble))
    outcome = await Pipeline(chain(sources=sources, fallback_source=fallback), observer).run(query())
    assert list(outcome.selected.item_ids) == ["p"]
    assert outcome.degraded_reasons == ("candidates_unavailable",), "one reason says it all"
    status = "late" if "wait_seconds" in trouble else "failed"
    assert observer.sources == [("one", status, 0), ("two", status, 0), ("popular", "answered", 1)]


async def test_the_fallback_source_answers_even_when_no_time_is_left(observer: Recorder) -> None:
    fallback = FallbackSource(Stage("popular", item_ids=("p",)), "candidates_unavailable")

    scorers = (ScorerWithFallback(scorer(name="ranker"), scorer(name="simple"), "no_ranker"),)
    sources = (Stage("one", wait_seconds=1.0),)
    pipeline = Pipeline(chain(sources=sources, fallback_source=fallback, scorers=scorers), observer)
    outcome = await pipeline.run(query(seconds=0.0))
    assert outcome.degraded_reasons == ("candidates_unavailable", "no_ranker")
    assert list(outcome.selected.item_ids) == ["p"]


async def test_the_fallback_source_rests_while_one_source_answers(observer: Recorder) -> None:
    fallback = FallbackSource(Stage("popular", item_ids=("p",)), "candidates_unavailable")
    sources = (Stage("one", error=OSError()), Stage("two"))
    outcome = await Pipeline(chain(sources=sources, fallback_source=fallback), observer).run(query())
    assert list(outcome.selected.item_ids) == ["a", "b"]
    assert outcome.degraded_reasons == ("source_one_failed",)


async def test_a_fallback_source_that_fails_too_leaves_an_empty_answer(observer: Recorder) -> None:
    fallback = FallbackSource(Stage("popular", error=OSError()), "candidates_unavailable")
    sources = (Stage("one", error=OSError()),)
    outcome = await Pipeline(chain(sources=sources, fallback_source=fallback), observer).run(query())
    assert len(outcome.selected) == 0
    assert outcome.degraded_reasons == ("candidates_unavailable", "source_popular_failed")


async def test_an_only_sources_origin_and_troubles_reach_the_answer(observer: Recorder) -> None:
    outcome = await Pipeline(chain(sources=(Stage("one", reasons=("source_x_late",)),)), observer).run(query())
    assert outcome.degraded_reasons == ("source_x_late",)
    selected = outcome.selected
    assert (selected.bundle_version, selected.sources, selected.labels) == (
        "20240101000000",
        ("one_inside",),
        {"x": ("y",)},
    )


async def test_origins_that_agree_survive_the_merge(observer: Recorder) -> None:
    sources = (Stage("one", reasons=("r",)), Stage("two", item_ids=("c",), reasons=("r", "s")))
    outcome = await Pipeline(chain(sources=sources), observer).run(query())
    assert outcome.selected.bundle_version == "20240101000000"
    assert outcome.selected.labels == {"x": ("y",)}
    assert outcome.selected.sources == ("one", "two")
    assert outcome.degraded_reasons == ("r", "s")


@pytest.mark.parametrize("trouble", [{"error": OSError()}, {"wait_seconds": 9.0}, {"value": np.nan}])
async def test_a_scorer_in_trouble_is_replaced(observer: Recorder, trouble: Any) -> None:
    scorers = (ScorerWithFallback(scorer(name="ranker", **trouble), scorer(name="simple", value=3.0), "no_ranker"),)
    outcome = await Pipeline(chain(scorers=scorers), observer).run(query(seconds=0.2))
    assert list(outcome.selected.columns["score"]) == [3.0, 3.0]
    assert outcome.degraded_reasons == ("no_ranker",)


async def test_a_scorer_without_fallback_fails_the_answer(observer: Recorder) -> None:
    scorers = (ScorerWithFallback(scorer(name="ranker", value=np.inf)),)
    with pytest.raises(StageError, match="finite"):
        await Pipeline(chain(scorers=scorers), observer).run(query())


def test_the_chain_names_all_its_stages_and_wants_distinct_names() -> None:
    hydrators = (OptionalHydrator(Stage("history"), "x"),)
    built = chain(query_hydrators=hydrators, fallback_source=FallbackSource(Stage("popular"), "y"))
    assert [stage.name for stage in built.stages()] == ["history", "source", "popular", "scorer", "selector"]
    with pytest.raises(ChainError, match="two stages named source"):
        chain(fallback_source=FallbackSource(Stage("source"), "y"))


def test_what_a_stage_reads_the_fallback_source_must_provide_too() -> None:
    source = Stage("source", provides=frozenset({"titles"}))
    reader = ScorerWithFallback(replace(scorer(name="scorer"), requires=frozenset({"titles"})))
    chain(sources=(source,), scorers=(reader,))
    with pytest.raises(ChainError, match="scorer reads titles"):
        chain(sources=(source,), scorers=(reader,), fallback_source=FallbackSource(Stage("popular"), "y"))
