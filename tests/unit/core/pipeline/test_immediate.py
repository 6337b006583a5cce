"""Sources that never wait run beside those that do, and take none of their rights."""

from __future__ import annotations

import pytest

from services.core.pipeline.runner import Pipeline
from tests.unit.core.pipeline.stages import Proposes, Recorder, make_chain, make_query, make_set

HERE = Proposes("here", candidates=make_set("a", "b"))


@pytest.mark.parametrize("waiting", [("near",), ("near", "far")])
async def test_what_waits_too_long_is_late_beside_one_that_does_not_wait(waiting: tuple[str, ...]) -> None:
    slow = tuple(Proposes(name, delay_seconds=5.0, budget_seconds=0.02) for name in waiting)
    recorder = Recorder()
    chain = make_chain(sources=(*slow, HERE), immediate=frozenset({"here"}))
    outcome = await Pipeline(chain, recorder).run(make_query())
    assert recorder.outcomes == {**dict.fromkeys(waiting, "late 0"), "here": "answered 2"}
    assert list(outcome.selected.item_ids) == ["a", "b"]
    assert outcome.degraded_reasons == tuple(f"source_{name}_late" for name in waiting)


@pytest.mark.parametrize("waiting", [("near",), ("near", "far")])
async def test_the_order_of_the_sources_decides_whoever_answers_first(waiting: tuple[str, ...]) -> None:
    slow = tuple(Proposes(name, delay_seconds=0.001, candidates=make_set(name)) for name in waiting)
    chain = make_chain(sources=(*slow, HERE), immediate=frozenset({"here"}))
    outcome = await Pipeline(chain, Recorder()).run(make_query(count=10))
    assert list(outcome.selected.item_ids) == [*waiting, "a", "b"]


async def test_one_that_does_not_wait_may_fail_like_any_other() -> None:
    recorder = Recorder()
    sources = (Proposes("here", error=OSError()), Proposes("near", candidates=make_set("c")))
    outcome = await Pipeline(make_chain(sources=sources, immediate=frozenset({"here"})), recorder).run(make_query())
    assert recorder.outcomes == {"here": "failed 0", "near": "answered 1"}
    assert list(outcome.selected.item_ids) == ["c"]
