"""The whole run on a small log: what comes out is whole and served as it was trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from services.candidates.bundles.candidate_bundle import load_candidate_bundle
from services.core.bundle import RANKER, USER_ENCODER, BundleManifest, bundle_path, read_array, verify_bundle
from services.core.sources.registry import load_sources
from services.core.sources.sequence import ITEM_VECTORS
from services.core.sources.source import History
from services.training.sources.registry import FITTINGS
from services.training.steps.bundle import DatasetError, fit_bundle
from services.training.steps.bundle_weights import WEIGHTS, load_weights
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_to_data import fitting
from services.training.steps.fit_transformer import new_encoder
from services.training.steps.item_attributes import ItemAttributes
from tests.circle_walks import CONFIG, circle_log


def fit(store: Path, version: str = "1", **options: object) -> BundleManifest:
    return fit_bundle(circle_log(), CONFIG, store, version, lambda progress: None, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("bundles")
    fit(store, scenario_ids=("circle",))
    return store


def test_the_bundle_is_whole_and_says_what_it_is(store: Path) -> None:
    manifest = verify_bundle(bundle_path(store, "1"))
    assert manifest.sources == ("popularity", "item_knn", "transitions", "matrix_factors", "sequence")
    assert manifest.scenario_ids == ("circle",)
    assert manifest.item_count == 40
    assert manifest.models[RANKER].sources == manifest.sources
    assert manifest.models[RANKER].history_buckets == (16,)
    assert manifest.training["epochs"] == 4
    assert [entry.name for entry in store.iterdir()] == ["1"], "neither checkpoint nor draft stays behind"
    metrics = json.loads((bundle_path(store, "1") / "metrics.json").read_text())
    assert set(metrics["validation"]) == {*manifest.sources, "candidates", "ranker"}
    assert manifest.metrics["ranker/ndcg@10"] == metrics["validation"]["ranker"]["ndcg@10"]
    assert manifest.metrics["ranker/recall@10"] > manifest.metrics["popularity/recall@10"]


def history_of(rows: NDArray[np.int64]) -> dict[str, NDArray[np.generic]]:
    return {"history_items": rows, "history_events": np.zeros((*rows.shape, 4), dtype=np.float32)}


def test_the_served_models_agree_with_the_served_vectors(store: Path) -> None:
    path = bundle_path(store, "1")
    user_encoder, ranker = (
        onnxruntime.InferenceSession(str(path / "models" / name / "model.onnx")) for name in (USER_ENCODER, RANKER)
    )
    sources = verify_bundle(path).sources
    rows = np.array([[3, 4, 6]], dtype=np.int64)
    vectors = [user_encoder.run(None, history_of(np.pad(rows, ((0, 0), (length - 3, 0)))))[0] for length in (3, 9, 16)]
    for vector in vectors[1:]:
        np.testing.assert_allclose(vector, vectors[0], atol=1e-5)
    candidates = np.array([[5, 7, 8, 30, 0]], dtype=np.int64)
    scores = ranker.run(
        None,
        {
            "user_vectors": vectors[0],
            **history_of(np.pad(rows, ((0, 0), (13, 0)))),
            "candidate_items": candidates,
            "candidate_features": np.zeros((1, 5, len(sources)), dtype=np.float32),
        },
    )[0]
    taste = read_array(path, ITEM_VECTORS)[candidates[0, :4]] @ vectors[0][0]
    for place in range(4):
        alone = ranker.run(
            None,
            {
                "user_vectors": vectors[0],
                **history_of(rows),
                "candidate_items": candidates[:, [place]],
                "candidate_features": np.zeros((1, 1, len(sources)), dtype=np.float32),
            },
        )[0]
        np.testing.assert_allclose(alone[0, 0], scores[0, place], atol=1e-4)
    history = History.of(rows[0], vectors[0][0])
    sequence = load_sources(path, ["sequence"])["sequence"]
    np.testing.assert_allclose(sequence.score_rows(history, np.array([5, 7])), taste[:2], atol=1e-5)


def test_the_index_finds_what_the_exact_search_finds(store: Path) -> None:
    from usearch.index import Index

    path = bundle_path(store, "1")
    index = Index.restore(str(path / "sequence/index.usearch"))
    vectors = read_array(path, ITEM_VECTORS)
    query = np.random.default_rng(0).normal(size=vectors.shape[1]).astype(np.float32)
    exact = 1 + np.argsort(-(vectors[1:] @ query))[:10]
    assert set(index.search(query, 10).keys.tolist()) == set(exact.tolist())


def test_user_neighbours_and_recency_are_fitted_and_served(tmp_path: Path) -> None:
    log = circle_log()
    # Everybody takes the first three items of the walk again, at the end.
    again = np.concatenate([np.concatenate([walk, walk[:3]]) for walk in log.sequences()])
    starts = log.starts + 3 * np.arange(len(log.starts))
    repeating = InteractionLog(log.item_ids, starts, again, np.arange(len(again), dtype=np.int64))
    names = ("popularity", "user_knn", "recency", "sequence")
    fit_bundle(repeating, replace(CONFIG, sources=names, optional_sources=()), tmp_path, "1", lambda progress: None)
    bundle = load_candidate_bundle(
        bundle_path(tmp_path, "1"), verify_bundle(bundle_path(tmp_path, "1")), exact_search_max_items=40
    )
    assert tuple(source.name for source in bundle.sources) == names
    history = History.of(log.sequence(0))
    user_knn, recency = bundle.source("user_knn"), bundle.source("recency")
    assert user_knn is not None
    assert recency is not None
    fitted = FITTINGS["user_knn"].fit(repeating.without_repeats(), CONFIG)
    np.testing.assert_array_equal(user_knn.score(history), fitted.score(history))
    assert len(user_knn.retrieve(history, 5, history.rows).rows) > 0
    own = recency.retrieve(history, 100, np.empty(0, np.int32)).rows
    assert set(own.tolist()) == set(history.rows[:-1].tolist())
    metrics = json.loads((bundle_path(tmp_path, "1") / "metrics.json").read_text())["validation"]
    assert metrics["user_knn"]["recall@10"] > metrics["popularity"]["recall@10"]
    assert metrics["recency"]["recall@100"] == 0.0, "nothing seen is recommended here"


def test_where_users_can_tell_only_sources_of_use_are_served(tmp_path: Path) -> None:
    config = replace(CONFIG, least_selecting_users=20)
    manifest = fit_bundle(circle_log(), config, tmp_path, "1", lambda progress: None)
    found = manifest.training["selection"]
    assert set(found["changes"]) == {"ease", "user_knn", "transitions", "matrix_factors"}
    assert tuple(found["kept"]) == manifest.sources == manifest.models[RANKER].sources
    assert {"popularity", "item_knn", "sequence"} <= set(manifest.sources)
    for name in ("transitions", "matrix_factors"):
        assert (name in manifest.sources) == (found["changes"][name] < 0)
    for name in ("ease", "user_knn"):
        assert name not in manifest.sources or found["changes"][name] > 0
    assert tuple(load_sources(bundle_path(tmp_path, "1"), manifest.sources)) == manifest.sources


def test_a_warm_start_takes_the_weights_over_by_item_id(store: Path) -> None:
    log = circle_log()
    order = np.array([0, *np.random.default_rng(1).permutation(np.arange(1, 40))])
    ids = np.append(log.item_ids[order], "brand-new")
    renamed = InteractionLog(ids, log.starts, log.rows, log.times)
    encoder = new_encoder(renamed, fitting(CONFIG, renamed))
    fresh = encoder.items.weight.detach().clone()
    assert load_weights(encoder, ids, bundle_path(store, "1"))
    with np.load(bundle_path(store, "1") / WEIGHTS) as stored:
        old = torch.from_numpy(stored["items.weight"])
        assert torch.equal(encoder.norm.weight, torch.from_numpy(stored["norm.weight"]))
    assert torch.equal(encoder.items.weight[1:40], old[order[1:]])
    assert torch.equal(encoder.items.weight[40], fresh[40])


def test_a_warm_start_goes_on_where_items_have_attributes(tmp_path: Path) -> None:
    names = [(), *(("odd",) if row % 2 else ("even", "all") for row in range(1, len(circle_log().item_ids)))]
    log = replace(circle_log(), attributes=ItemAttributes.from_names(names))
    first = fit_bundle(log, CONFIG, tmp_path, "1", lambda progress: None)
    encoder = new_encoder(log, fitting(CONFIG, log))
    assert load_weights(encoder, log.item_ids, bundle_path(tmp_path, "1"))
    with np.load(bundle_path(tmp_path, "1") / WEIGHTS) as stored:
        served = torch.from_numpy(stored["items.weight"])
    assert torch.equal(encoder.item_vectors(), served), "those of the attributes are in them, and count once"
    second = fit_bundle(log, CONFIG, tmp_path, "2", lambda progress: None, warm_start=bundle_path(tmp_path, "1"))
    assert second.training["warm_start"] == "1"
    best = max(facts["validation_ndcg"] or 0.0 for facts in first.training["curve"]["epochs"])
    assert second.training["curve"]["epochs"][0]["validation_ndcg"] == pytest.approx(best, abs=1e-6)


def test_a_warm_run_is_shorter_and_names_its_parent(store: Path, tmp_path: Path) -> None:
    manifest = fit(tmp_path, "2", warm_start=bundle_path(store, "1"))
    assert manifest.parent == "1"
    assert manifest.training["warm_start"] == "1"
    assert manifest.training["epochs"] == 2
    curve = manifest.training["curve"]["epochs"]
    assert [facts["epoch"] for facts in curve] == [0, 1, 2], "where it began is part of the curve"
    assert curve[0]["loss"] is None
    assert curve[0]["validation_ndcg"] > 0


@pytest.mark.parametrize("change", [{"width": 32}, {"blocks": 1}, {"heads": 4}])
def test_a_bundle_of_another_shape_is_no_start(store: Path, change: dict[str, int]) -> None:
    log = circle_log()
    config = replace(CONFIG, transformer=replace(CONFIG.transformer, **change))
    encoder = new_encoder(log, fitting(config, log))
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert not load_weights(encoder, log.item_ids, bundle_path(store, "1"))
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_too_little_to_train_on_is_one_clear_error(tmp_path: Path) -> None:
    ids, one = np.array(["", "a", "b"]), np.array([1], dtype=np.int32)
    log = InteractionLog.from_events(ids, np.array([0], dtype=np.int32), one, np.array([0]))
    with pytest.raises(DatasetError, match="at least two items and one user with two interactions"):
        fit_bundle(log, CONFIG, tmp_path, "1", lambda progress: None)
    assert list(tmp_path.iterdir()) == []
