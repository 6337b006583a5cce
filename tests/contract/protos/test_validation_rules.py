"""The rules written in the contracts mean what their comments say, as the engine that servers use judges them."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from trommel.candidates.v1 import candidates_pb2 as candidates
from trommel.catalog.v1 import catalog_pb2 as catalog
from trommel.feedback.v1 import feedback_pb2 as feedback
from trommel.ranking.v1 import ranking_pb2 as ranking
from trommel.training.v1 import training_pb2 as training

from services.plumbing.validation import one_line, violations_of


def event(**changes: object) -> feedback.Event:
    fields = {"event_id": "e", "user_id": "u", "item_id": "i", "type": feedback.EVENT_TYPE_CLICK, **changes}
    return feedback.Event(**fields)


GOOD: list[Message] = [
    event(),
    event(type=feedback.EVENT_TYPE_RATING, value=0.0),
    event(user_id="é" * 64),
    event(time=Timestamp(seconds=0)),
    catalog.Item(id="1"),
    catalog.Item(id="1", scenario="movies/home", categories=["Drama", "War"]),
    catalog.Item(id="1", vectors={"image": catalog.ContentVector(values=[0.5])}),
    ranking.RecommendRequest(user_id="u", count=1),
    ranking.RecommendRequest(user_id="u", count=500, time_budget=Duration(nanos=1_000_000)),
    ranking.RankRequest(user_id="u", item_ids=["1"]),
    candidates.GenerateCandidatesRequest(user_id="u", count=2000, bundle_versions=["20260102030405"]),
    candidates.SimilarItemsRequest(item_id="1", count=1),
    training.StartRunRequest(),
    training.ActivateBundleRequest(version="20260102030405"),
]

BAD: list[tuple[Message, str]] = [
    (event(event_id=""), "event_id"),
    (event(user_id="u" * 129), "user_id"),
    (event(user_id="é" * 65), "user_id"),
    (event(item_id="a\x00b"), "item_id"),
    (event(item_id="a\nb"), "item_id"),
    (event(type=feedback.EVENT_TYPE_UNSPECIFIED), "type"),
    (event(type=99), "type"),
    (event(type=feedback.EVENT_TYPE_RATING), ""),
    (event(type=feedback.EVENT_TYPE_RATING, value=float("nan")), "value"),
    (event(time=Timestamp(seconds=-1)), "time"),
    (event(time=Timestamp(seconds=4_102_444_800)), "time"),
    (event(dwell_time=Duration(seconds=-1)), "dwell_time"),
    (event(scenario="Movies Home"), "scenario"),
    (catalog.Item(id=""), "id"),
    (catalog.Item(id="1", title="t" * 1025), "title"),
    (catalog.Item(id="1", text="t" * 65_537), "text"),
    (catalog.Item(id="1", categories=["a", "a"]), "categories"),
    (catalog.Item(id="1", vectors={"image": catalog.ContentVector()}), "values"),
    (catalog.Item(id="1", vectors={"image": catalog.ContentVector(values=[float("inf")])}), "values"),
    (catalog.Item(id="1", vectors={"Image!": catalog.ContentVector(values=[1])}), "vectors"),
    (ranking.RecommendRequest(user_id="", count=10), "user_id"),
    (ranking.RecommendRequest(user_id="u", count=0), "count"),
    (ranking.RecommendRequest(user_id="u", count=100_000), "count"),
    (ranking.RecommendRequest(user_id="u" * 10_000_000, count=10), "user_id"),
    (ranking.RecommendRequest(user_id="u", count=1, time_budget=Duration(seconds=61)), "time_budget"),
    (ranking.RecommendRequest(user_id="u", count=1, request_id="a b"), "request_id"),
    (ranking.RankRequest(user_id="u"), "item_ids"),
    (candidates.GenerateCandidatesRequest(user_id="u", count=1, bundle_versions=["latest"]), "bundle_versions"),
    (training.ActivateBundleRequest(version="../../etc"), "version"),
]


@pytest.mark.parametrize("message", GOOD, ids=lambda m: m.DESCRIPTOR.name)
def test_a_good_message_passes(message: Message) -> None:
    assert violations_of(message) == ()


@pytest.mark.parametrize(("message", "field"), BAD, ids=lambda v: v if isinstance(v, str) else v.DESCRIPTOR.name)
def test_a_bad_message_names_its_field(message: Message, field: str) -> None:
    violations = violations_of(message)
    assert violations
    assert any(field in violation.field for violation in violations), violations


def test_a_violation_never_repeats_the_value() -> None:
    violations = violations_of(ranking.RecommendRequest(user_id="secret" * 100_000, count=1))
    assert "secret" not in one_line(violations)
    assert len(one_line(violations)) < 300


def test_one_line_names_at_most_three_fields() -> None:
    line = one_line(violations_of(event(event_id="", user_id="", item_id="", scenario="!", type=0)))
    assert "\n" not in line
    assert "more)" in line


def test_batches_are_not_judged_as_a_whole() -> None:
    assert violations_of(feedback.RecordEventsRequest(events=[event(event_id="")])) == ()
    assert violations_of(catalog.UpsertItemsRequest(items=[catalog.Item()])) == ()
