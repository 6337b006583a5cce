from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pytest
from trommel.candidates.v1 import candidates_pb2
from trommel.feedback.v1 import feedback_pb2
from trommel.ranking.v1 import ranking_pb2

from services.core.pipeline.roles import Outcome
from services.core.query import History, ItemFilter
from services.plumbing.validation import violations_of
from services.ranking.converters import candidates, feedback, requests, slates
from services.ranking.served_slate import ServedSlate
from services.ranking.slate import Slate

_OUTCOME = candidates_pb2.SourceOutcome


def test_a_recommend_request_becomes_a_query() -> None:
    request = ranking_pb2.RecommendRequest(
        user_id="u",
        count=7,
        context={"device": "tv"},
        filter=ranking_pb2.SlateFilter(
            excluded_item_ids=["a"], any_of_categories=["x"], excluded_categories=["y"], include_seen=True
        ),
        request_id="mine",
    )
    query = requests.query_of_recommend(request, "acme", 12.5)
    assert (query.tenant, query.user_id, query.count, query.deadline) == ("acme", "u", 7, 12.5)
    assert (query.scenario, query.request_id, query.context) == ("default", "mine", {"device": "tv"})
    assert query.filter == ItemFilter(frozenset("a"), frozenset("x"), frozenset("y"))
    assert query.include_seen
    assert query.item_ids == ()


def test_a_rank_request_wants_all_its_items_once() -> None:
    request = ranking_pb2.RankRequest(user_id="u", item_ids=["b", "a", "b"], scenario="s")
    query = requests.query_of_rank(request, "acme", 1.0)
    assert query.item_ids == ("b", "a")
    assert query.count == 2
    assert requests.query_of_rank(ranking_pb2.RankRequest(item_ids=["a", "b"], count=1), "acme", 1.0).count == 1


def test_request_ids_are_made_sorted_by_time_and_valid() -> None:
    first = requests.new_request_id()
    time.sleep(0.002)
    second = requests.new_request_id()
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first < second
    assert len({requests.new_request_id() for _ in range(1000)}) == 1000


def test_exclusions_are_pushed_down(make_query: Any) -> None:
    query = make_query(
        history=History(("1", "2"), np.array([10, 20]), np.array([6, 2], np.int8), np.array([4.5, np.nan], np.float32)),
        seen_item_ids=frozenset({"1"}),
        hidden_item_ids=frozenset({"2"}),
        filter=ItemFilter(frozenset({"3"}), frozenset({"x"}), frozenset({"y"})),
        bundle_versions=("20240101000000",),
    )
    request = candidates.generate_request(query, 500, 0.25)
    assert sorted(request.filter.excluded_item_ids) == ["1", "2", "3"]
    assert list(request.filter.any_of_categories) == ["x"]
    assert list(request.filter.excluded_categories) == ["y"]
    assert list(request.history.item_ids) == ["1", "2"]
    assert list(request.history.event_times_microseconds) == [10, 20]
    assert list(request.history.event_types) == [6, 2]
    np.testing.assert_array_equal(request.history.event_values, [4.5, np.nan])
    assert list(request.bundle_versions) == ["20240101000000"]
    assert (request.count, request.time_budget.ToMilliseconds()) == (500, 250)
    assert violations_of(request) == ()


def test_what_is_known_of_the_user_is_told(make_query: Any) -> None:
    context = {"age": "34", "device": "tv"}
    query = make_query(context=context, item_ids=("a",))
    for request in (candidates.generate_request(query, 10, 0.1), candidates.hydrate_request(query)):
        assert dict(request.context) == context
        assert violations_of(request) == ()


def test_seen_items_are_not_pushed_down_when_they_are_wanted(make_query: Any) -> None:
    query = make_query(seen_item_ids=frozenset({"1"}), hidden_item_ids=frozenset({"2"}), include_seen=True)
    assert list(candidates.generate_request(query, 10, 0.1).filter.excluded_item_ids) == ["2"]


def test_the_largest_query_breaks_no_rule_of_the_candidates_service(make_query: Any) -> None:
    def ids(prefix: str, count: int) -> frozenset[str]:
        return frozenset(f"{prefix}{number}" for number in range(count))

    query = make_query(
        seen_item_ids=ids("s", 8_000), hidden_item_ids=ids("h", 2_000), filter=ItemFilter(ids("c", 10_000))
    )
    assert violations_of(candidates.generate_request(query, 1024, 1e-9)) == ()


def wire_candidates(item_ids: str = "abc") -> candidates_pb2.Candidates:
    count = len(item_ids)
    return candidates_pb2.Candidates(
        item_ids=list(item_ids),
        sources=["popularity", "sequence"],
        source_masks=list(range(1, count + 1)),
        source_scores=[float(number) for number in range(2 * count)],
        titles=[f"Title {item_id}" for item_id in item_ids],
        categories=["x", "y"],
        category_offsets=[0, 1, 1, 3][: count + 1],
        category_indexes=[1, 0, 1][: [0, 1, 1, 3][count]],
    )


def packed_candidates(item_ids: str = "abc") -> candidates_pb2.Candidates:
    """The same, numbers as arrays."""
    message = wire_candidates(item_ids)
    message.packed.source_masks = np.array(message.source_masks, "<u4").tobytes()
    message.packed.source_scores = np.array(message.source_scores, "<f4").tobytes()
    message.packed.category_offsets = np.array(message.category_offsets, "<u4").tobytes()
    message.packed.category_indexes = np.array(message.category_indexes, "<u4").tobytes()
    message.packed.rows = np.arange(7, 7 + len(item_ids), dtype="<u4").tobytes()
    for name in ("source_masks", "source_scores", "category_offsets", "category_indexes"):
        message.ClearField(name)
    return message


@pytest.mark.parametrize("candidates_of", [wire_candidates, packed_candidates])
def test_columns_come_over_as_they_are(candidates_of: Any) -> None:
    response = candidates_pb2.GenerateCandidatesResponse(
        candidates=candidates_of(),
        bundle_version="20240101000000",
        source_outcomes=[
            _OUTCOME(source="popularity", status=_OUTCOME.STATUS_ANSWERED),
            _OUTCOME(source="sequence", status=_OUTCOME.STATUS_LATE),
            _OUTCOME(source="item_knn", status=_OUTCOME.STATUS_FAILED),
            _OUTCOME(source="fresh", status=_OUTCOME.STATUS_DISABLED),
        ],
    )
    found = candidates.candidates_of_generate(response)
    assert found.item_ids.tolist() == ["a", "b", "c"]
    assert found.sources_of(2) == ["popularity", "sequence"]
    assert found.source_masks.dtype == np.uint32
    assert found.columns["source_scores"].dtype == np.float32
    assert found.columns["source_scores"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert found.columns["titles"].tolist() == ["Title a", "Title b", "Title c"]
    assert found.columns["categories"].tolist() == [[False, True], [False, False], [True, True]]
    assert found.columns["available"].all()
    assert found.labels == {"source_scores": ("popularity", "sequence"), "categories": ("x", "y")}
    assert found.bundle_version == "20240101000000"
    assert found.degraded_reasons == ("source_sequence_late", "source_item_knn_failed")


def test_the_user_comes_with_the_candidates_or_does_not() -> None:
    for message, read in (
        (candidates_pb2.GenerateCandidatesResponse, candidates.candidates_of_generate),
        (candidates_pb2.HydrateCandidatesResponse, lambda response: candidates.candidates_of_hydrate("cab", response)),
    ):
        found = read(message(candidates=wire_candidates(), user_vector=[0.5, -1.25])).take(np.array([0])).user_vector
        assert found is not None
        assert (found.tolist(), found.dtype) == ([0.5, -1.25], np.float32)
        assert read(message(candidates=wire_candidates())).user_vector is None


def test_no_bundle_is_a_degraded_answer_and_no_candidates_are_an_empty_set() -> None:
    found = candidates.candidates_of_generate(candidates_pb2.GenerateCandidatesResponse())
    assert len(found) == 0
    assert found.degraded_reasons == ("no_bundle",)


@pytest.mark.parametrize("column", ["source_masks", "source_scores", "category_offsets"])
def test_columns_that_do_not_fit_together_are_refused(column: str) -> None:
    broken, packed = wire_candidates(), packed_candidates()
    broken.ClearField(column)
    packed.packed.ClearField(column)
    for message in (broken, packed):
        with pytest.raises(ValueError, match=r"."):
            candidates.candidates_of_generate(candidates_pb2.GenerateCandidatesResponse(candidates=message))


def test_rows_come_with_arrays_alone() -> None:
    found = candidates.candidates_of_hydrate(
        ("b", "gone", "a"), candidates_pb2.HydrateCandidatesResponse(candidates=packed_candidates())
    )
    assert found.columns["rows"].tolist() == [8, 0, 7]
    plain = candidates.candidates_of_generate(candidates_pb2.GenerateCandidatesResponse(candidates=wire_candidates()))
    assert "rows" not in plain.columns


def test_arrays_are_asked_for(make_query: Any) -> None:
    assert candidates.generate_request(make_query(), 10, 1.0).packed_columns
    assert candidates.hydrate_request(make_query(item_ids=("a",))).packed_columns


@pytest.mark.parametrize("candidates_of", [wire_candidates, packed_candidates])
def test_the_callers_items_keep_their_order_and_the_missing_ones_are_not_available(candidates_of: Any) -> None:
    response = candidates_pb2.HydrateCandidatesResponse(candidates=candidates_of("ab"), bundle_version="20240101000000")
    found = candidates.candidates_of_hydrate(("b", "gone", "a"), response)
    assert found.item_ids.tolist() == ["b", "gone", "a"]
    assert found.columns["available"].tolist() == [True, False, True]
    assert found.columns["titles"].tolist() == ["Title b", "", "Title a"]
    assert found.columns["source_scores"].tolist() == [[2, 3], [0, 0], [0, 1]]
    assert found.source_masks.tolist() == [2, 0, 1]
    none = candidates.candidates_of_hydrate(("x",), candidates_pb2.HydrateCandidatesResponse())
    assert none.columns["available"].tolist() == [False]


def outcome_of(query: Any, selected: Any) -> Outcome:
    return Outcome(query, selected, 321, {}, (), ("source_x_late",))


def test_a_slate_carries_everything(make_query: Any, make_candidates: Any) -> None:
    selected = make_candidates(
        ["a", "b"],
        score=np.array([2.0, 1.0]),
        predictions=np.array([[0.5, 0.25], [0.125, 0.0]], np.float32),
        source_masks=[0b1001, 0],
    )
    message = ranking_pb2.Slate()
    slate = Slate(outcome_of(make_query(), selected), ["why a", "why b"], ("engage", "like"), "top_score")
    slates.fill_slate(message, slate)
    assert (message.request_id, message.bundle_version, message.policy) == ("r", "20240101000000", "top_score")
    assert list(message.degraded_reasons) == ["source_x_late"]
    assert message.ranked_candidate_count == 321
    first, second = message.items
    assert (first.item_id, first.title, first.score, first.reason) == ("a", "title a", 2.0, "why a")
    assert list(first.sources) == ["popularity", "sequence"]
    assert [(p.name, p.value) for p in first.predictions] == [("engage", 0.5), ("like", 0.25)]
    assert list(second.sources) == []


def test_a_slate_that_no_ranker_saw_has_no_predictions(make_query: Any, make_candidates: Any) -> None:
    selected = make_candidates(["a"], score=np.ones(1), predictions=np.empty((1, 0), np.float32))
    message = ranking_pb2.Slate()
    slates.fill_slate(message, Slate(outcome_of(make_query(), selected), ["why"], ("engage",), "p"))
    assert list(message.items[0].predictions) == []


def test_an_empty_slate_is_a_slate(make_query: Any, make_candidates: Any) -> None:
    message = ranking_pb2.Slate()
    slates.fill_slate(message, Slate(outcome_of(make_query(), make_candidates([])), [], (), "p"))
    assert (message.request_id, len(message.items)) == ("r", 0)


def test_the_feedback_services_history_is_turned_round() -> None:
    response = feedback_pb2.GetHistoryResponse(seen_item_ids=["a", "b"], hidden_item_ids=["c"])
    for item_id, micros, kind in (("b", 2_000_001, 4), ("c", 1_500_000, 8), ("a", 1_000_000, 2)):
        response.events.add(item_id=item_id, type=kind).time.FromMicroseconds(micros)
    known = feedback.user_history_of(response)
    assert known.history.item_ids == ("a", "b")
    assert known.history.event_times.tolist() == [1_000_000, 2_000_001]
    assert (known.seen_item_ids, known.hidden_item_ids) == (frozenset("ab"), frozenset("c"))


def test_a_slate_record_holds_what_the_ranker_saw(make_query: Any, make_candidates: Any) -> None:
    query = make_query(history=History(("1", "2")), context={"device": "tv"})
    scores = np.arange(8, dtype=np.float32).reshape(2, 4)
    selected = make_candidates(["a", "b"], score=np.array([2.0, 1.0]), source_scores=scores)
    request = feedback.slate_records([ServedSlate(1_700_000_000.25, "top_score", outcome_of(query, selected))])
    record = request.slates[0]
    assert list(record.history_item_ids) == ["1", "2"]
    assert list(record.item_ids) == ["a", "b"]
    assert list(record.scores) == [2.0, 1.0]
    assert list(record.feature_names) == ["popularity", "item_knn", "matrix_factors", "sequence"]
    assert list(record.features) == list(range(8))
    assert (record.policy, record.bundle_version, record.context) == ("top_score", "20240101000000", {"device": "tv"})
    assert list(record.degraded_reasons) == ["source_x_late"]
    assert record.time.ToMicroseconds() == 1_700_000_000_250_000
    assert violations_of(request) == ()


def test_picks_go_along_once_each_and_what_was_read_comes_back(make_query: Any) -> None:
    request = ranking_pb2.RecommendRequest(user_id="u", count=5, onboarding_item_ids=["b", "a", "b"])
    assert requests.query_of_recommend(request, "t", 1.0).picked_item_ids == ("b", "a")
    query = make_query(history=History(("x",)).after_picks(("a", "b"), 0), item_ids=("i",))
    for sent in (candidates.generate_request(query, 10, 1.0), candidates.hydrate_request(query)):
        assert sent.history.picked_count == 2
        assert list(sent.history.item_ids) == ["a", "b", "x"]
    answer = candidates_pb2.GenerateCandidatesResponse(bundle_version="1", history_item_ids=["", "b", "y"])
    assert candidates.candidates_of_generate(answer).history_item_ids == ("", "b", "y")
    hydrated = candidates_pb2.HydrateCandidatesResponse(bundle_version="1", history_item_ids=["", "b", "y"])
    assert candidates.candidates_of_hydrate(["i"], hydrated).history_item_ids == ("", "b", "y")
    assert candidates.candidates_of_generate(candidates_pb2.GenerateCandidatesResponse()).history_item_ids is None
