"""The runner: every role has one right, and what fails degrades the answer as far as it must and no further."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from services.core.pipeline.chain import FallbackSource, OptionalHydrator, ScorerWithFallback
from services.core.pipeline.roles import Outcome
from services.core.pipeline.runner import Pipeline, StageError
from tests.unit.core.pipeline.stages import (
    Fills,
    Learns,
    Notes,
    Proposes,
    Recorder,
    Removes,
    Scores,
    Selects,
    make_chain,
    make_query,
    make_set,
)


async def run(recorder: Recorder | None = None, count: int = 3, seconds: float = 1.0, **roles: object) -> Outcome:
    return await Pipeline(make_chain(**roles), recorder or Recorder()).run(make_query(count, seconds))


async def test_a_full_answer() -> None:
    recorder, notes = Recorder(), Notes("impression")
    outcome = await run(
        recorder,
        query_hydrators=(Learns("history", count=1),),
        sources=(Proposes("popular"), Proposes("near", candidates=make_set("d"))),
        candidate_hydrators=(Fills("titles", provides=frozenset({"title"}), columns={"title": np.arange(4)}),),
        filters=(Removes("seen", item_ids=("a", "zzz")),),
        side_effects=(notes,),
    )
    assert outcome.selected.item_ids.tolist() == ["d"]
    assert outcome.selected.columns["title"].tolist() == [1]
    assert outcome.scored_count == 3
    assert outcome.removed == {"seen": 1} == recorder.removals
    assert outcome.degraded_reasons == ()
    assert recorder.outcomes == {"popular": "answered 3", "near": "answered 1"}
    assert [role for role, _ in recorder.ran] == [
        "query_hydrator", "source", "source", "merge", "candidate_hydrator", "filter", "scorer", "selector",
        "side_effect",
    ]  # fmt: skip
    assert notes.seen == [outcome]


async def test_sources_run_side_by_side() -> None:
    slow = [Proposes(f"s{n}", delay_seconds=0.1, budget_seconds=1.0) for n in range(5)]
    started = asyncio.get_running_loop().time()
    await run(sources=tuple(slow))
    assert asyncio.get_running_loop().time() - started < 0.3


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (Proposes("near", delay_seconds=5.0), "late"),
        (Proposes("near", error=ValueError("broken")), "failed"),
        (Proposes("near", provides=frozenset({"row"})), "failed"),
    ],
)
async def test_a_late_or_failed_source_degrades_the_answer(bad: Proposes, status: str) -> None:
    recorder = Recorder()
    outcome = await run(recorder, sources=(Proposes("popular"), bad))
    assert outcome.selected.item_ids.tolist() == ["a", "b", "c"]
    assert outcome.degraded_reasons == (f"source_near_{status}",) == tuple(recorder.reasons)
    assert recorder.outcomes["near"] == f"{status} 0"
    assert recorder.failures == (["near"] if status == "failed" else [])


async def test_the_query_deadline_bounds_a_generous_source_budget() -> None:
    endless = Proposes("near", delay_seconds=5.0, budget_seconds=60.0)
    by_rank = ScorerWithFallback(Scores("ranker"), Scores("by_rank"), "no_ranker")
    outcome = await run(seconds=0.05, sources=(Proposes("popular"), endless), scorers=(by_rank,))
    assert outcome.degraded_reasons == ("source_near_late", "no_ranker")


async def test_a_disabled_source_is_no_loss() -> None:
    outcome = await run(sources=(Proposes("popular"), Proposes("near", applies=False)))
    assert [(o.source, o.status) for o in outcome.source_outcomes] == [("popular", "answered"), ("near", "disabled")]
    assert outcome.degraded_reasons == ()


async def test_the_fallback_source_steps_in_when_no_source_answered() -> None:
    fallback = FallbackSource(Proposes("catalog", candidates=make_set("z")), "no_candidates")
    outcome = await run(sources=(Proposes("popular", error=OSError()),), fallback_source=fallback)
    assert outcome.selected.item_ids.tolist() == ["z"]
    assert outcome.degraded_reasons == ("no_candidates",)
    spared = await run(fallback_source=fallback)
    assert spared.selected.item_ids.tolist() == ["a", "b", "c"]


async def test_a_hydrator_that_fails_is_fatal_unless_it_is_optional() -> None:
    broken = Learns("history", error=OSError("away"))
    with pytest.raises(OSError, match="away"):
        await run(query_hydrators=(broken,))
    outcome = await run(query_hydrators=(OptionalHydrator(broken, "no_history"),))
    assert outcome.degraded_reasons == ("no_history",)
    assert len(outcome.selected) == 3


async def test_the_fallback_scorer_steps_in_and_is_told() -> None:
    recorder = Recorder()
    backwards = Scores("by_rank", columns={"score": np.array([1.0, 2.0, 3.0])})
    outcome = await run(
        recorder, scorers=(ScorerWithFallback(Scores("ranker", error=OSError()), backwards, "no_ranker"),)
    )
    assert outcome.selected.columns["score"].tolist() == [1.0, 2.0, 3.0]
    assert outcome.degraded_reasons == ("no_ranker",)
    assert recorder.failures == ["ranker"]


async def test_a_scorer_that_is_late_or_not_finite_is_replaced_and_without_a_fallback_fatal() -> None:
    late = Scores("ranker", delay_seconds=5.0)
    outcome = await run(seconds=0.1, scorers=(ScorerWithFallback(late, Scores("by_rank"), "no_ranker"),))
    assert outcome.degraded_reasons == ("no_ranker",)
    nan = Scores("ranker", columns={"score": np.array([1.0, np.nan, 0.0])})
    outcome = await run(scorers=(ScorerWithFallback(nan, Scores("by_rank"), "no_ranker"),))
    assert outcome.degraded_reasons == ("no_ranker",)
    with pytest.raises(StageError, match="not finite"):
        await run(scorers=(ScorerWithFallback(nan),))


@pytest.mark.parametrize(
    ("roles", "promise"),
    [
        ({"candidate_hydrators": (Fills("t", columns={"title": np.arange(3)}),)}, "declared .* and filled"),
        (
            {"candidate_hydrators": (Fills("t", provides=frozenset({"x"}), columns={"x": np.arange(2)}),)},
            "2 rows for 3 candidates",
        ),
        ({"filters": (Removes("seen", mask=np.ones(2, bool)),)}, "filter seen gave a mask"),
        ({"filters": (Removes("seen", mask=np.ones(3, int)),)}, "filter seen gave a mask"),
        ({"selector": Selects("top", order=[0, 0])}, "selector top"),
        ({"selector": Selects("top", order=[0, 3])}, "selector top"),
        ({"selector": Selects("top", order=[-1])}, "selector top"),
        ({"selector": Selects("top", order=[0, 1, 2]), "count": 2}, "selector top gave 3 indexes for 2 places"),
    ],
)
async def test_a_role_that_takes_more_than_its_right_is_stopped(roles: dict[str, object], promise: str) -> None:
    with pytest.raises(StageError, match=promise):
        await run(**roles)


async def test_a_side_effect_can_fail_without_harm() -> None:
    recorder = Recorder()
    outcome = await run(recorder, side_effects=(Notes("impression", error=OSError()),))
    assert len(outcome.selected) == 3
    assert recorder.failures == ["impression"]


async def test_nothing_proposed_is_an_empty_answer() -> None:
    outcome = await run(sources=(Proposes("popular", candidates=make_set()),))
    assert len(outcome.selected) == 0
    assert outcome.scored_count == 0
    everything = await run(filters=(Removes("seen", item_ids=("a", "b", "c")),))
    assert everything.removed == {"seen": 3}
    assert len(everything.selected) == 0
