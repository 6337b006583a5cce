from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import pytest
from trommel.ranking.v1.ranking_pb2 import RecommendResponse

from services.cli.evaluation.learnt_dataset import learnt_dataset
from services.cli.evaluation.leave_one_out import Served, serve_all
from services.cli.evaluation.offline import read_log
from services.cli.evaluation.served_lists import compared, sampled
from services.cli.evaluation.served_report import what_is_wrong
from services.cli.readers import json_lines
from services.cli.readers.records import EventRecord, ItemRecord, ReadOptions

ROWS = """\
{"user_id": "u", "item_id": "b", "time": "2026-01-02T00:00:00Z", "type": "click"}
{"user_id": "u", "item_id": "a", "time": "2026-01-01T00:00:00Z", "type": "like"}
{"user_id": "u", "item_id": "z", "time": "2026-01-09T00:00:00Z", "type": "hide"}
rubbish
{"user_id": "v", "item_id": "b", "time": "2026-01-01T00:00:00Z", "type": "click"}
{"user_id": "u", "item_id": "c", "time": "2026-01-02T00:00:00Z", "type": "click"}
"""


def test_what_was_learnt_is_all_but_the_last_interaction_and_the_refusals(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(ROWS)
    dataset = json_lines.open_dataset(path, ReadOptions())
    read = read_log(dataset)
    assert read.log.item_ids.tolist() == ["", "a", "b", "c"]
    assert read.ordinals.tolist() == [1, 0, 5, 4], "u's by time, equal times as in the file, then v's"
    learnt = learnt_dataset(dataset, read)
    events = [(event.user_id, event.item_id) for event in learnt.events() if isinstance(event, EventRecord)]
    assert events == [("u", "b"), ("u", "a"), ("v", "b")], "c is the last of u; v has one, which is not held out"
    items = [item.item_id for item in learnt.items() if isinstance(item, ItemRecord)]
    assert items == ["a", "b", "c"], "c can be recommended; z was taken by nobody"


@pytest.mark.parametrize(
    ("count", "most", "places"), [(5, 0, [0, 1, 2, 3, 4]), (5, 9, [0, 1, 2, 3, 4]), (9, 3, [0, 4, 8])]
)
def test_a_sample_is_evenly_spaced(count: int, most: int, places: list[int]) -> None:
    assert sampled(count, most).tolist() == places


def test_answers_in_figures() -> None:
    served = Served(
        lists={"u": ["a", "b"], "v": ["c"]},
        degraded=Counter({"source_sequence_late": 1}),
        failures=Counter({"UNAVAILABLE": 1}),
        milliseconds=[10.0, 30.0],
        seconds=0.5,
    )
    figures = compared(served, {"u": ["a", "b"], "v": ["c"], "w": ["d"]})
    assert figures["agreement@10"] == 0.75
    assert (figures["users_that_differ"], figures["first_that_differ"]) == (1, ["w"])
    assert (figures["calls_per_second"], figures["p50_milliseconds"]) == (4.0, 20.0)
    assert (figures["degraded_answers"], figures["failed_calls"]) == (1, 1)
    assert what_is_wrong({"users": 3, **figures}) == "1 of 3 served calls failed (UNAVAILABLE 1)"


class Ranking:
    """Serves one item to everybody but one user."""

    async def Recommend(self, request: Any, **_: float) -> RecommendResponse:
        if request.user_id == "nobody":
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())
        return RecommendResponse(slate={"items": [{"item_id": "a"}], "degraded_reasons": ["late"]})


async def test_a_call_that_fails_is_counted_and_leaves_the_others_alone() -> None:
    served = await serve_all(Ranking(), ["u", "nobody", "v"], "", lambda done: None)
    assert served.lists == {"u": ["a"], "v": ["a"]}
    assert served.failures == {"UNAVAILABLE": 1}
    assert served.degraded == {"late": 2}
    assert len(served.milliseconds) == 2
    assert served.seconds > 0


def test_too_little_agreement_is_a_failure() -> None:
    figures = {"users": 3, "failed_calls": 0, "agreement@10": 1.0, "agreement@100": 0.9989}
    assert what_is_wrong(figures) == "served and offline lists agree in 99.890% of the positions, not in 99.9%"
    assert what_is_wrong({**figures, "agreement@100": 0.999}) is None
    assert what_is_wrong({"error": "redis exited"}) == "the lists could not be served: redis exited"
