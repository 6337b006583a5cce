from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.core.errors import UnavailableError
from services.core.pipeline.roles import Outcome
from services.plumbing.tracing import SpanKind, entry_span
from services.ranking.served_slate import ServedSlate
from services.ranking.stages import impression_recorder
from services.ranking.stages.impression_recorder import ImpressionRecorder
from services.ranking.stages.title_learner import TitleLearner
from services.ranking.titles import Titles
from tests.collected_spans import collecting


class Store:
    def __init__(self, failures: int = 0, wait_seconds: float = 0.0) -> None:
        self.failures, self.wait_seconds = failures, wait_seconds
        self.batches: list[list[str]] = []

    async def record_slates(self, slates: Sequence[ServedSlate], timeout_seconds: float) -> None:
        await asyncio.sleep(self.wait_seconds)
        if self.failures:
            self.failures -= 1
            raise UnavailableError("feedback is away")
        self.batches.append([slate.outcome.query.request_id for slate in slates])


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impression_recorder, "_RETRY_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(impression_recorder, "_DRAIN_SECONDS", 0.5)


@pytest.fixture
def outcome(make_query: Any, make_candidates: Any) -> Any:
    def make(request_id: str = "r", item_ids: str = "a") -> Outcome:
        return Outcome(make_query(request_id=request_id), make_candidates(item_ids), 1, {}, (), ())

    return make


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("trommel_slate_records_total", {"result": result}) or 0.0


async def test_slates_of_a_moment_travel_together(outcome: Any) -> None:
    store = Store()
    recorder = ImpressionRecorder(store, "p", 100, 0.02)
    before = counted("recorded")
    async with recorder.recording():
        for request_id in "abc":
            await recorder.after(outcome(request_id))
        await asyncio.sleep(0.1)
        assert store.batches == [["a", "b", "c"]]
    assert counted("recorded") - before == 3


async def test_the_record_of_slates_is_in_the_trace_of_one_and_linked_to_the_others(outcome: Any) -> None:
    store = Store()
    recorder = ImpressionRecorder(store, "p", 100, 0.02)
    with collecting() as exporter:
        async with recorder.recording():
            for request_id in "abc":
                with entry_span(request_id, SpanKind.SERVER, f"00-{request_id * 32}-{'1' * 16}-01"):
                    await recorder.after(outcome(request_id))
            with entry_span("d", SpanKind.SERVER, f"00-{'d' * 32}-{'1' * 16}-00"):
                await recorder.after(outcome("d"))
    ended = {span.name: span for span in exporter.get_finished_spans()}
    assert list(ended) == ["a", "b", "c", "record slates"]
    recorded = ended["record slates"]
    assert recorded.parent.span_id == ended["a"].context.span_id
    assert [link.context.span_id for link in recorded.links] == [ended[name].context.span_id for name in "bc"]
    assert recorded.attributes == {"trommel.slates": 4}


async def test_slates_that_nobody_traces_are_recorded_without_a_span(outcome: Any) -> None:
    recorder = ImpressionRecorder(Store(), "p", 100, 0.02)
    with collecting() as exporter:
        async with recorder.recording():
            await recorder.after(outcome("a"))
    assert exporter.get_finished_spans() == ()


async def test_a_full_load_does_not_wait_for_more(outcome: Any) -> None:
    store = Store()
    recorder = ImpressionRecorder(store, "p", 100, 60.0)
    async with recorder.recording():
        for number in range(63):
            await recorder.after(outcome(str(number)))
        await asyncio.sleep(0.05)
        assert store.batches == []
        await recorder.after(outcome("63"))
        await asyncio.sleep(0.05)
        assert [len(batch) for batch in store.batches] == [64]
        await recorder.after(outcome("last"))
    assert [len(batch) for batch in store.batches] == [64, 1], "the end does not wait either"


async def test_a_store_that_is_away_for_a_moment_loses_nothing(outcome: Any) -> None:
    store = Store(failures=2)
    recorder = ImpressionRecorder(store, "p", 100, 0.02)
    async with recorder.recording():
        await recorder.after(outcome())
        await asyncio.sleep(0.2)
    assert store.batches == [["r"]]


async def test_a_store_that_stays_away_costs_the_slate_not_the_task(outcome: Any) -> None:
    store = Store(failures=3)
    recorder = ImpressionRecorder(store, "p", 100, 0.02)
    before = counted("failed")
    async with recorder.recording():
        await recorder.after(outcome("lost"))
        await asyncio.sleep(0.2)
        assert counted("failed") - before == 1
        await recorder.after(outcome("kept"))
        await asyncio.sleep(0.1)
    assert store.batches == [["kept"]]


async def test_a_full_queue_drops_and_counts(outcome: Any) -> None:
    recorder = ImpressionRecorder(Store(), "p", 2, 0.02)
    before = counted("dropped")
    for _ in range(5):
        await recorder.after(outcome())
    assert counted("dropped") - before == 3


async def test_what_is_queued_at_the_end_is_still_sent(outcome: Any) -> None:
    store = Store()
    recorder = ImpressionRecorder(store, "p", 1000, 0.02)
    async with recorder.recording():
        for number in range(600):
            await recorder.after(outcome(str(number)))
    assert [len(batch) for batch in store.batches] == [256, 256, 88]


async def test_the_end_does_not_wait_for_a_store_that_hangs(outcome: Any) -> None:
    recorder = ImpressionRecorder(Store(wait_seconds=60), "p", 1000, 0.02)
    before = counted("dropped")
    async with asyncio.timeout(3):
        async with recorder.recording():
            for _ in range(300):
                await recorder.after(outcome())
    assert counted("dropped") - before == 300, "what was on its way counts too"


async def test_an_empty_slate_is_no_impression(outcome: Any) -> None:
    store = Store()
    recorder = ImpressionRecorder(store, "p", 10, 0.02)
    async with recorder.recording():
        await recorder.after(outcome(item_ids=""))
    assert store.batches == []


async def test_titles_of_the_slate_are_remembered(outcome: Any) -> None:
    titles = Titles()
    await TitleLearner(titles).after(outcome(item_ids="ab"))
    assert titles.get("b") == "title b"
