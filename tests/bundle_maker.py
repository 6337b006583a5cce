"""Makes small, valid bundles with real ONNX models in well under a second, for tests. No torch.

The items live on a circle: item r points in direction 2π(r-1)/N, so neighbours in row are neighbours in
taste. The user encoder is the mean of the history items' vectors, the ranker the inner product with what it made plus a
weighted sum of the source scores: candidate-isolated and independent of padding, as the trained models are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from usearch.index import Index

from services.core.bundle import (
    ITEM_IDS,
    METRICS,
    RANKER,
    USER_ENCODER,
    BundleDraft,
    BundleManifest,
    ModelEntry,
    TensorEntry,
    build_bundle,
    model_file,
)
from services.core.sources import (
    attributes,
    ease,
    item_knn,
    lightgcn,
    matrix_factors,
    mult_vae,
    popularity,
    recency,
    sequence,
    texts,
    transitions,
    user_knn,
)

SOURCE_NAMES = ("popularity", "item_knn", "matrix_factors", "sequence")
VECTOR_SIZE = 16


def make_bundle(
    store: Path,
    version: str = "20240101000000",
    *,
    item_ids: Sequence[str] | None = None,
    item_count: int = 200,
    max_history: int = 200,
    parent: str | None = None,
    seed: int = 0,
    sources: tuple[str, ...] = SOURCE_NAMES,
) -> BundleManifest:
    """Write ``<store>/<version>/``; items are ``item_ids``, or "1".."N" for ``item_count``.

    sources: those that the manifest names; the arrays of all are there.
    """
    ids = list(item_ids) if item_ids is not None else [str(row) for row in range(1, item_count + 1)]
    count = len(ids)
    random = np.random.default_rng(seed)
    vectors = _circle_vectors(count, random)
    buckets = (*(length for length in (16, 32, 64, 128) if length < max_history), max_history)
    with build_bundle(store, version) as draft:
        draft.save_array(ITEM_IDS, np.array(["", *ids], dtype=np.str_))
        shares = 1.0 / np.arange(1, count + 1)
        draft.save_array(popularity.SCORES, np.concatenate([[-np.inf], np.log(shares)]).astype(np.float32))
        neighbours, weights = _neighbours(vectors, min(20, count - 1))
        draft.save_array(item_knn.NEIGHBOURS, neighbours)
        draft.save_array(item_knn.WEIGHTS, weights)
        draft.save_array(ease.NEIGHBOURS, neighbours)
        draft.save_array(ease.WEIGHTS, weights)
        # In the bundle for tests of every source; what the manifest names is what services load.
        draft.save_array(transitions.NEIGHBOURS, neighbours)
        draft.save_array(transitions.WEIGHTS, weights)
        draft.save_array(attributes.STARTS, np.concatenate([[0], np.arange(count + 1)]).astype(np.int64))
        draft.save_array(attributes.CODES, (np.arange(count) % 7).astype(np.int32))
        draft.save_array(attributes.WEIGHTS, np.ones(count, dtype=np.float32))
        draft.save_array(texts.PLACES, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
        draft.save_array(matrix_factors.ITEM_FACTORS, vectors)
        draft.save_array(matrix_factors.GRAM, vectors.T @ vectors)
        draft.save_json(matrix_factors.CONFIG, {"regularization": 1.0, "alpha": 1.0})
        draft.save_array(lightgcn.ITEM_VECTORS, vectors)
        draft.save_array(lightgcn.NEIGHBOUR_VECTORS, vectors)
        draft.save_array(mult_vae.INPUT_VECTORS, vectors)
        draft.save_array(mult_vae.INPUT_BIAS, np.zeros(VECTOR_SIZE, dtype=np.float32))
        draft.save_array(mult_vae.HIDDEN_WEIGHTS, np.eye(VECTOR_SIZE, dtype=np.float32))
        draft.save_array(mult_vae.HIDDEN_BIAS, np.zeros(VECTOR_SIZE, dtype=np.float32))
        draft.save_array(mult_vae.OUTPUT_VECTORS, vectors)
        draft.save_array(mult_vae.OUTPUT_BIAS, np.concatenate([[0.0], 0.1 * np.log(shares)]).astype(np.float32))
        _save_user_knn(neighbours, draft)
        draft.save_array(recency.RATES, np.concatenate([[0.0], np.full(count, 0.25)]).astype(np.float32))
        draft.save_json(recency.CONFIG, {"decay": 1.0})
        draft.save_array(sequence.ITEM_VECTORS, vectors)
        # As training builds it; one thread, so that the graph is the same every time.
        index = Index(
            ndim=VECTOR_SIZE, metric="ip", dtype="f32", connectivity=32, expansion_add=128, expansion_search=128
        )
        index.add(np.arange(1, count + 1), vectors[1:], threads=1)
        index.save(str(draft.file(sequence.INDEX)))
        onnx.save(_user_encoder(vectors), draft.file(model_file(USER_ENCODER)))
        onnx.save(
            _ranker(vectors, [0.0 if name == "sequence" else 0.1 for name in sources]), draft.file(model_file(RANKER))
        )
        draft.save_json(METRICS, {"validation": {"ranker": {"recall@10": 0.2, "ndcg@10": 0.1}}})
        return draft.seal(
            item_count=count,
            sources=sources,
            models={
                USER_ENCODER: ModelEntry(
                    path=model_file(USER_ENCODER),
                    inputs=_HISTORY_ENTRIES,
                    outputs=(TensorEntry("user_vectors", "FP32", (-1, VECTOR_SIZE)),),
                    max_history=max_history,
                    history_buckets=buckets,
                    vector_size=VECTOR_SIZE,
                ),
                RANKER: ModelEntry(
                    path=model_file(RANKER),
                    inputs=(
                        TensorEntry("user_vectors", "FP32", (-1, VECTOR_SIZE)),
                        *_HISTORY_ENTRIES,
                        TensorEntry("candidate_items", "INT64", (-1, -1)),
                        TensorEntry("candidate_features", "FP32", (-1, -1, len(sources))),
                    ),
                    outputs=(TensorEntry("scores", "FP32", (-1, -1, 1)),),
                    max_history=max_history,
                    history_buckets=buckets,
                    sources=sources,
                    heads=("engage",),
                    vector_size=VECTOR_SIZE,
                ),
            },
            metrics={"ranker/recall@10": 0.2, "ranker/ndcg@10": 0.1},
            scenario_ids=("movies/home",),
            parent=parent,
        )


_HISTORY_ENTRIES = (
    TensorEntry("history_items", "INT64", (-1, -1)),
    TensorEntry("history_events", "FP32", (-1, -1, 4)),
)


def _circle_vectors(count: int, random: np.random.Generator) -> NDArray[np.float32]:
    angles = 2 * np.pi * np.arange(count)[:, None] / count * np.arange(1, VECTOR_SIZE // 2 + 1)[None, :]
    vectors = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / np.sqrt(VECTOR_SIZE / 2)
    vectors += random.normal(scale=0.01, size=vectors.shape)
    return np.concatenate([np.zeros((1, VECTOR_SIZE)), vectors]).astype(np.float32)


def _neighbours(vectors: NDArray[np.float32], size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    similarity[:, 0] = -np.inf
    neighbours = np.argsort(-similarity, axis=1, kind="stable")[:, :size].astype(np.int32)
    weights = np.maximum(np.take_along_axis(similarity, neighbours, axis=1), 1e-3).astype(np.float32)
    neighbours[0], weights[0] = 0, 0.0
    return neighbours, weights


def _save_user_knn(neighbours: NDArray[np.int32], draft: BundleDraft) -> None:
    """As many users as items: user r took item r's neighbours."""
    width = neighbours.shape[1]
    starts = np.concatenate([[0], np.arange(len(neighbours)) * width]).astype(np.int64)
    taken = neighbours[1:].ravel()
    draft.save_array(user_knn.USER_STARTS, starts)
    draft.save_array(user_knn.USER_ITEMS, taken)
    counts = np.bincount(taken, minlength=len(neighbours))
    takers = np.repeat(np.arange(1, len(neighbours)), width)[np.argsort(taken, kind="stable")]
    draft.save_array(user_knn.ITEM_STARTS, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
    draft.save_array(user_knn.ITEM_USERS, takers.astype(np.int32))
    draft.save_array(user_knn.ITEM_WEIGHTS, np.concatenate([[0.0], np.ones(len(counts) - 1)]).astype(np.float32))
    draft.save_json(user_knn.CONFIG, {"neighbours": 10, "decay": 1.0})


def _mean_history_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Gather", ["item_vectors", "history_items"], ["history_vectors"]),
        helper.make_node("ReduceSum", ["history_vectors", "axis_one"], ["history_sum"], keepdims=0),
        helper.make_node("Greater", ["history_items", "zero"], ["is_item"]),
        helper.make_node("Cast", ["is_item"], ["is_item_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["is_item_float", "axis_one"], ["length"], keepdims=1),
        helper.make_node("Max", ["length", "one"], ["length_or_one"]),
        helper.make_node("Div", ["history_sum", "length_or_one"], ["user_vectors"]),
    ]


def _constants(vectors: NDArray[np.float32]) -> list[TensorProto]:
    return [
        numpy_helper.from_array(vectors, "item_vectors"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axis_one"),
        numpy_helper.from_array(np.array(0, dtype=np.int64), "zero"),
        numpy_helper.from_array(np.array(1.0, dtype=np.float32), "one"),
    ]


def _model(graph: onnx.GraphProto) -> onnx.ModelProto:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def _user_encoder(vectors: NDArray[np.float32]) -> onnx.ModelProto:
    return _model(
        helper.make_graph(
            _mean_history_nodes(),
            "user_encoder",
            _history_tensors(),
            [_tensor("user_vectors", TensorProto.FLOAT, ["batch", VECTOR_SIZE])],
            _constants(vectors),
        )
    )


def _history_tensors() -> list[onnx.ValueInfoProto]:
    return [
        _tensor("history_items", TensorProto.INT64, ["batch", "length"]),
        _tensor("history_events", TensorProto.FLOAT, ["batch", "length", 4]),
    ]


def _tensor(name: str, element_type: int, shape: Sequence[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element_type, shape)


def _ranker(vectors: NDArray[np.float32], weights: Sequence[float]) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gather", ["item_vectors", "candidate_items"], ["candidate_vectors"]),
        helper.make_node("Unsqueeze", ["user_vectors", "last_axis"], ["user_column"]),
        helper.make_node("MatMul", ["candidate_vectors", "user_column"], ["taste"]),
        helper.make_node("MatMul", ["candidate_features", "feature_weights"], ["blend"]),
        helper.make_node("Add", ["taste", "blend"], ["scores"]),
    ]
    constants = [
        numpy_helper.from_array(vectors, "item_vectors"),
        numpy_helper.from_array(np.array([-1], dtype=np.int64), "last_axis"),
        numpy_helper.from_array(np.array(weights, dtype=np.float32)[:, None], "feature_weights"),
    ]
    return _model(
        helper.make_graph(
            nodes,
            "ranker",
            [
                _tensor("user_vectors", TensorProto.FLOAT, ["batch", VECTOR_SIZE]),
                *_history_tensors(),
                _tensor("candidate_items", TensorProto.INT64, ["batch", "count"]),
                _tensor("candidate_features", TensorProto.FLOAT, ["batch", "count", len(weights)]),
            ],
            [_tensor("scores", TensorProto.FLOAT, ["batch", "count", 1])],
            constants,
        )
    )


def main() -> None:
    """``python -m tests.bundle_maker STORE [--version V] [--items N]``"""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--version", default="20240101000000")
    parser.add_argument("--items", type=int, default=200)
    arguments = parser.parse_args()
    manifest = make_bundle(arguments.store, arguments.version, item_count=arguments.items)
    print(f"bundle {manifest.version}: {manifest.item_count} items, {len(manifest.files)} files")


if __name__ == "__main__":
    main()
