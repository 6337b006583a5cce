from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.core.circuit_breaker import CircuitBreaker
from services.core.errors import UnavailableError
from services.core.query import History
from services.plumbing.bundle_watcher import LoadedBundles
from services.ranking.stages.candidate_scorer import CandidateScorer, fused_ranks
from services.ranking.stages.ranker_scorer import RankerScorer, history_inputs, probe

VERSION = "20240101000000"
HISTORY = History(("3", "gone", "5"), np.array([1, 2, 3]))


class Triton:
    """The ranker answers with the row of each candidate in every head, the encoder with the sum of the history's rows.

    It keeps what it was asked.
    """

    def __init__(self, heads: int = 1, error: Exception | None = None) -> None:
        self.heads, self.error = heads, error
        self.calls: list[Any] = []

    async def infer(self, model: str, version: str, inputs: Any, output: str, timeout_seconds: float) -> Any:
        self.calls.append((model, version, inputs, output, timeout_seconds))
        if self.error is not None:
            raise self.error
        if model == "user_encoder":
            return np.full((1, 16), inputs["history_items"].sum(), np.float32)
        return np.repeat(inputs["candidate_items"][..., None].astype(np.float32), self.heads, axis=2)


def ranker(triton: Triton, bundles: Any, **options: Any) -> RankerScorer:
    return RankerScorer(
        triton, bundles, CircuitBreaker("ranker"), **{"timeout_seconds": 0.25, "reserve_seconds": 0.005, **options}
    )


async def test_user_candidates_and_features_go_to_the_bundles_own_version(
    bundles: Any, make_query: Any, make_candidates: Any
) -> None:
    triton = Triton()
    scores = np.arange(12, dtype=np.float32).reshape(3, 4)
    vector = np.arange(16, dtype=np.float32)
    candidates = make_candidates(["7", "9", "8"], source_scores=scores, user_vector=vector)
    columns = await ranker(triton, bundles).score(make_query(history=HISTORY), candidates)
    assert len(triton.calls) == 1
    model, version, inputs, output, timeout_seconds = triton.calls[0]
    assert (model, version, output) == ("ranker", VERSION, "scores")
    assert inputs["history_items"].dtype == inputs["candidate_items"].dtype == np.int64
    assert inputs["history_items"].tolist() == [[0] * 14 + [3, 5]], "left padded, the latest last, the unknown left out"
    assert inputs["history_events"].shape == (1, 16, 4)
    assert inputs["user_vectors"].dtype == np.float32
    assert inputs["user_vectors"].tolist() == [list(range(16))]
    assert inputs["candidate_items"].shape == (1, 64)
    assert inputs["candidate_items"][0, :4].tolist() == [7, 9, 8, 0]
    assert inputs["candidate_features"].shape == (1, 64, 4)
    assert inputs["candidate_features"].dtype == np.float32
    assert inputs["candidate_features"][0, :3].tolist() == scores.tolist()
    assert not inputs["candidate_features"][0, 3:].any()
    assert timeout_seconds == 0.25
    assert columns["score"].tolist() == [7.0, 9.0, 8.0]
    assert columns["predictions"].tolist() == [[7.0], [9.0], [8.0]]


async def test_rows_that_came_with_the_candidates_are_not_looked_up(
    bundles: Any, make_query: Any, make_candidates: Any
) -> None:
    triton = Triton()
    candidates = make_candidates(["7", "9"], rows=np.array([17, 0], np.uint32))
    columns = await ranker(triton, bundles).score(make_query(history=HISTORY), candidates)
    assert triton.calls[0][2]["candidate_items"][0, :3].tolist() == [17, 0, 0]
    assert columns["score"].tolist() == [17.0, 16.0], "an item that the model never met comes last"


async def test_a_user_who_did_not_come_with_the_candidates_is_encoded_here(
    bundles: Any, make_query: Any, make_candidates: Any
) -> None:
    triton = Triton()
    columns = await ranker(triton, bundles).score(make_query(history=HISTORY), make_candidates(["7"], user_vector=None))
    (model, version, inputs, output, _), (_, _, asked, _, _) = triton.calls
    assert (model, version, output) == ("user_encoder", VERSION, "user_vectors")
    assert inputs["history_items"].dtype == np.int64
    assert inputs["history_items"].tolist() == [[0] * 14 + [3, 5]], "left padded, the latest last, the unknown left out"
    assert asked["user_vectors"].tolist() == [[8.0] * 16]
    assert asked["history_items"].tolist() == inputs["history_items"].tolist()
    assert columns["score"].tolist() == [7.0]


async def test_what_the_candidates_service_read_is_read_here(
    bundles: Any, make_query: Any, make_candidates: Any
) -> None:
    triton = Triton()
    query = make_query(history=History(("new", "blank", "newer")))
    scores = np.array([[3, 0, 1, 1], [2, 0, 3, 2], [1, 0, 2, 3]], np.float32)
    candidates = replace(make_candidates(["7", "8", "9"], source_scores=scores), history_item_ids=("12", "", "34"))
    columns = await ranker(triton, bundles).score(query, candidates)
    assert triton.calls[0][2]["history_items"].tolist() == [[0] * 14 + [12, 34]]
    assert columns["predictions"].tolist() == [[7.0], [8.0], [9.0]]
    places = np.array([[0, 2, 2], [1, 0, 1], [2, 1, 0]])
    np.testing.assert_allclose(columns["score"], (1 / (60 + places)).sum(axis=1), err_msg="the sources' ranks, fused")
    fewer = replace(make_candidates(["7"]), history_item_ids=("", "2", "3"))
    columns = await ranker(triton, bundles).score(make_query(history=History(("gone", "2", "3"))), fewer)
    assert columns["score"].tolist() == [7.0], "nothing stands in for another"
    nothing = replace(make_candidates(["7"]), history_item_ids=("", "", ""))
    await ranker(triton, bundles).score(make_query(history=History(("1", "2", "3"))), nothing)
    assert len(triton.calls) == 2, "somebody new: popularity is the order"


@pytest.mark.parametrize(("count", "bucket"), [(1, 64), (64, 64), (65, 128), (200, 256), (512, 512), (1000, 1024)])
async def test_candidates_are_padded_to_few_shapes(
    bundles: Any, make_query: Any, make_candidates: Any, count: int, bucket: int
) -> None:
    triton = Triton()
    candidates = make_candidates([str(number) for number in range(1, count + 1)])
    await ranker(triton, bundles).score(make_query(history=HISTORY), candidates)
    assert triton.calls[0][2]["candidate_items"].shape == (1, bucket)


@pytest.mark.parametrize(("length", "bucket"), [(1, 16), (16, 16), (17, 32), (128, 128), (129, 200), (200, 200)])
def test_histories_are_padded_to_few_lengths(bundle: Any, make_query: Any, length: int, bucket: int) -> None:
    query = make_query(history=History(tuple(str(number) for number in range(1, length + 1))))
    inputs = history_inputs(bundle, query.history)
    assert inputs is not None
    padded = inputs["history_items"]
    assert inputs["history_events"].shape == (1, bucket, 4)
    assert padded.shape == (1, bucket)
    assert padded[0, -1] == length
    assert np.count_nonzero(padded) == length


def test_only_the_newest_of_a_long_history_count(bundle: Any, make_query: Any) -> None:
    short = replace(bundle, ranker=replace(bundle.ranker, max_history=16))
    query = make_query(history=History(tuple(str(number) for number in range(1, 101))))
    inputs = history_inputs(short, query.history)
    assert inputs is not None
    assert inputs["history_items"].tolist() == [list(range(85, 101))]


def test_what_is_known_of_the_events_stands_beside_their_items(bundle: Any, make_query: Any) -> None:
    history = History(
        ("3", "gone", "5", "7"),
        np.array([0, 1, 3, 3]) * 1_000_000,
        np.array([6, 2, 6, 4], np.int8),
        np.array([4.5, np.nan, np.nan, 3.0], np.float32),
    )
    inputs = history_inputs(bundle, history)
    assert inputs is not None
    assert inputs["history_items"][0, -3:].tolist() == [3, 5, 7]
    assert inputs["history_events"].dtype == np.float32
    assert not inputs["history_events"][0, :-3].any()
    # The value of a like is no rating; the time is that since the event before among those that are read.
    assert inputs["history_events"][0, -3:].tolist() == [[6, 1, 4.5, 0], [6, 0, 0, 3], [4, 0, 0, 1]]


async def test_features_are_put_into_the_order_that_the_ranker_learned(
    bundles: Any, make_query: Any, make_candidates: Any
) -> None:
    triton = Triton()
    sources = ("sequence", "matrix_factors", "extra", "item_knn", "popularity")
    candidates = make_candidates(["7"], sources=sources, source_scores=np.array([[1, 2, 9, 3, 4]], np.float32))
    await ranker(triton, bundles).score(make_query(history=HISTORY), candidates)
    assert triton.calls[0][2]["candidate_features"][0, 0].tolist() == [4, 3, 2, 1]


async def test_lacking_features_are_no_reason_to_guess(bundles: Any, make_query: Any, make_candidates: Any) -> None:
    candidates = make_candidates(["7"], sources=("popularity", "sequence"))
    with pytest.raises(UnavailableError, match="item_knn, matrix_factors"):
        await ranker(Triton(), bundles).score(make_query(history=HISTORY), candidates)


async def test_heads_are_weighed_outside_the_model(bundle: Any, make_query: Any, make_candidates: Any) -> None:
    weighed = replace(
        bundle,
        ranker=replace(bundle.ranker, heads=("engage", "dislike")),
        head_weights=np.array([1.0, -0.5], np.float32),
    )
    loaded: LoadedBundles[Any] = LoadedBundles()
    loaded.replace(((VERSION, weighed),))
    columns = await ranker(Triton(heads=2), loaded).score(make_query(history=HISTORY), make_candidates(["8"]))
    assert columns["predictions"].tolist() == [[8.0, 8.0]]
    assert columns["score"].tolist() == [4.0]


async def test_items_the_model_never_met_come_last(bundles: Any, make_query: Any, make_candidates: Any) -> None:
    candidates = make_candidates(["new", "7", "3"])
    columns = await ranker(Triton(), bundles).score(make_query(history=HISTORY), candidates)
    assert np.argsort(-columns["score"]).tolist() == [1, 2, 0]


@pytest.mark.parametrize("history", [History(), History(("gone", "unheard"))])
async def test_without_a_usable_history_popularity_is_the_order(
    bundles: Any, make_query: Any, make_candidates: Any, history: History
) -> None:
    triton = Triton()
    scores = np.array([[1, 9, 9, 9], [3, 0, 0, 0], [2, 0, 0, 0]], np.float32)
    candidates = make_candidates(["7", "8", "9"], source_scores=scores, user_vector=None)
    columns = await ranker(triton, bundles).score(make_query(history=history), candidates)
    assert columns["score"].tolist() == [1.0, 3.0, 2.0]
    assert columns["predictions"].shape == (3, 0)
    assert triton.calls == []


async def test_somebody_new_with_a_context_is_ranked_by_what_their_like_take(
    bundles: Any, make_query: Any, make_candidates: Any
) -> None:
    triton = Triton()
    sources = ("sequence", "matrix_factors", "popularity", "audience", "intent")
    scores = np.array([[9, 9, 3, 1, 0], [0, 0, 2, 5, 0], [0, 0, 1, 4, 0]], np.float32)
    candidates = make_candidates(["7", "8", "9"], sources=sources, source_scores=scores, user_vector=None)
    columns = await ranker(triton, bundles).score(make_query(history=History()), candidates)
    assert columns["score"].tolist() == [1.0, 5.0, 4.0]
    scores[:, 3] = 0
    nothing_known = make_candidates(["7", "8", "9"], sources=sources, source_scores=scores, user_vector=None)
    columns = await ranker(triton, bundles).score(make_query(history=History()), nothing_known)
    assert columns["score"].tolist() == [3.0, 2.0, 1.0]
    assert triton.calls == []


async def test_in_a_scenario_that_the_models_hardly_know_the_liking_is_the_order(
    bundles: Any, make_query: Any, make_candidates: Any
) -> None:
    sources = ("sequence", "matrix_factors", "item_knn", "popularity", "scenario_liking", "intent")
    scores = np.array([[9, 9, 3, 1, -0.5, 0], [0, 0, 2, 5, 2.5, 0], [0, 0, 1, 4, 1.0, 0]], np.float32)
    candidates = make_candidates(["7", "8", "unknown"], sources=sources, source_scores=scores)
    for history, predicted in ((HISTORY, True), (History(), False)):
        columns = await ranker(Triton(), bundles).score(make_query(history=history), candidates)
        assert columns["score"].tolist() == [-0.5, 2.5, 1.0]
        assert bool(columns["predictions"].shape[1]) is predicted


@pytest.mark.parametrize("sources", [("popularity",), ()])
async def test_stand_in_candidates_are_not_sent_to_the_ranker(
    bundles: Any, make_query: Any, make_candidates: Any, sources: Any
) -> None:
    triton = Triton()
    candidates = make_candidates(["7", "8"], sources=sources, source_scores=np.array([[2.0], [1.0]])[:, : len(sources)])
    columns = await ranker(triton, bundles).score(make_query(history=HISTORY), candidates)
    assert triton.calls == []
    assert columns["score"][0] > columns["score"][1]


async def test_a_bundle_that_is_not_loaded_is_not_guessed(bundles: Any, make_query: Any, make_candidates: Any) -> None:
    for version in ("20990101000000", ""):
        with pytest.raises(UnavailableError, match="not loaded"):
            await ranker(Triton(), bundles).score(
                make_query(history=HISTORY), make_candidates(["7"], bundle_version=version)
            )


async def test_the_ranker_gets_what_is_left_less_the_reserve(
    bundles: Any, make_query: Any, make_candidates: Any
) -> None:
    triton = Triton()
    stage = ranker(triton, bundles)
    await stage.score(make_query(history=HISTORY, seconds=0.1), make_candidates(["7"]))
    assert triton.calls[0][4] == pytest.approx(0.095, abs=0.005)
    with pytest.raises(TimeoutError):
        await stage.score(make_query(history=HISTORY, seconds=0.004), make_candidates(["7"]))
    assert len(triton.calls) == 1


async def test_a_dead_triton_fails_fast_and_is_tried_again(bundles: Any, make_query: Any, make_candidates: Any) -> None:
    triton = Triton(error=TimeoutError())
    stage = RankerScorer(
        triton, bundles, CircuitBreaker("ranker", retry_seconds=0.05), timeout_seconds=0.25, reserve_seconds=0.005
    )
    for _ in range(10):
        with pytest.raises((TimeoutError, UnavailableError)):
            await stage.score(make_query(history=HISTORY), make_candidates(["7"]))
    assert len(triton.calls) == 3
    triton.error = None
    await asyncio.sleep(0.06)
    with pytest.raises(UnavailableError):
        await stage.score(make_query(history=HISTORY), make_candidates(["7"]))
    await asyncio.sleep(0.01)
    assert (await stage.score(make_query(history=HISTORY), make_candidates(["7"])))["score"].tolist() == [7.0]


async def test_scores_of_a_wrong_shape_are_refused(bundles: Any, make_query: Any, make_candidates: Any) -> None:
    with pytest.raises(UnavailableError, match="the ranker gave scores of"):
        await ranker(Triton(heads=3), bundles).score(make_query(history=HISTORY), make_candidates(["7"]))


async def test_the_probe_asks_one_small_ranking_and_looks_at_the_answer(bundle: Any) -> None:
    triton = Triton()
    await probe(triton, VERSION, bundle)
    assert triton.calls[0][1] == VERSION
    with pytest.raises(UnavailableError):
        await probe(Triton(heads=2), VERSION, bundle)

    class NotFinite(Triton):
        async def infer(self, *arguments: Any) -> Any:
            return np.full((1, 64, 1), np.nan, np.float32)

    with pytest.raises(UnavailableError):
        await probe(NotFinite(), VERSION, bundle)


def test_ranks_are_fused_over_the_sources_that_tell_something() -> None:
    scores = np.array([[5, 1, 0], [4, 3, 0], [3, 2, 0]], np.float32)
    fused = fused_ranks(scores)
    assert np.argsort(-fused).tolist() == [1, 0, 2]
    assert np.allclose(fused, fused_ranks(scores[:, :2])), "the third says nothing"


def test_without_any_voice_the_order_of_the_candidates_stands() -> None:
    assert np.all(np.diff(fused_ranks(np.zeros((5, 3), np.float32))) < 0)
    assert fused_ranks(np.zeros((3, 0), np.float32)).shape == (3,)


async def test_the_stand_in_provides_what_the_ranker_provides(make_query: Any, make_candidates: Any) -> None:
    columns = await CandidateScorer().score(make_query(), make_candidates(["a", "b"]))
    assert columns.keys() == RankerScorer.provides
    assert columns["predictions"].shape == (2, 0)
