"""Tiny ONNX models with the exact signatures of `ranker` and `user_encoder`, made without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FEATURES = 4
VECTOR_SIZE = 8


def publish(repository: Path, version: str, *, scale: float = 1.0) -> None:
    """Put one version of both models into the repository, each directory at once, as training does."""
    for name, model in (("ranker", ranker(scale)), ("user_encoder", user_encoder(scale))):
        draft = repository / name / f".{version}.draft"
        draft.mkdir(parents=True)
        onnx.save(model, draft / "model.onnx")
        draft.rename(repository / name / version)


def ranker(scale: float) -> onnx.ModelProto:
    """scores[b, c, 0] = scale · Σ candidate_features[b, c, :]; the other inputs only have to be there."""
    nodes = [
        helper.make_node("MatMul", ["candidate_features", "weights"], ["sums"]),
        *_zero_from("user_vectors", "user", 1),
        *_zero_from("history_items", "items", 1),
        *_zero_from("candidate_items", "candidates", 2),
        helper.make_node("Add", ["user_zero", "items_zero"], ["history_zero"]),
        helper.make_node("Unsqueeze", ["history_zero", "two"], ["history_zeros"]),
        helper.make_node("Unsqueeze", ["candidates_zero", "two"], ["candidate_zeros"]),
        helper.make_node("Add", ["sums", "history_zeros"], ["partial"]),
        helper.make_node("Add", ["partial", "candidate_zeros"], ["scores"]),
    ]
    return _model(
        nodes,
        "ranker",
        [
            helper.make_tensor_value_info("user_vectors", TensorProto.FLOAT, ["batch", VECTOR_SIZE]),
            *_history(),
            _input("candidate_items", ["batch", "candidates"]),
            helper.make_tensor_value_info("candidate_features", TensorProto.FLOAT, ["batch", "candidates", FEATURES]),
        ],
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "candidates", 1]),
        {"weights": np.full((FEATURES, 1), scale, np.float32), "zero": np.float32(0), "two": np.array([2])},
    )


def user_encoder(scale: float) -> onnx.ModelProto:
    """user_vectors[b, :] = scale · mean(history_items[b, :])."""
    nodes = [
        helper.make_node("Cast", ["history_items"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "one"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "weights"], ["user_vectors"]),
    ]
    return _model(
        nodes,
        "user_encoder",
        _history(),
        helper.make_tensor_value_info("user_vectors", TensorProto.FLOAT, ["batch", VECTOR_SIZE]),
        {"weights": np.full(VECTOR_SIZE, scale, np.float32), "one": np.array([1])},
    )


def _zero_from(name: str, prefix: str, axis: int) -> list[onnx.NodeProto]:
    """0 · the input, reduced to [batch, 1] for the user, kept [batch, candidates] for candidates."""
    nodes = [
        helper.make_node("Cast", [name], [f"{prefix}_floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{prefix}_floats", "zero"], [f"{prefix}_zero" if axis == 2 else f"{prefix}_flat"]),
    ]
    if axis == 1:
        nodes.append(helper.make_node("ReduceMax", [f"{prefix}_flat"], [f"{prefix}_zero"], axes=[1], keepdims=1))
    return nodes


def _history() -> list[onnx.ValueInfoProto]:
    return [
        _input("history_items", ["batch", "length"]),
        helper.make_tensor_value_info("history_events", TensorProto.FLOAT, ["batch", "length", 4]),
    ]


def _input(name: str, shape: list[str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.INT64, shape)


def _model(
    nodes: list[onnx.NodeProto],
    name: str,
    inputs: list[onnx.ValueInfoProto],
    output: onnx.ValueInfoProto,
    constants: dict[str, np.ndarray],
) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(np.asarray(array), key) for key, array in constants.items()]
    graph = helper.make_graph(nodes, name, inputs, [output], tensors)
    if name == "user_encoder":
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    else:  # ReduceMax takes its axes as an attribute up to opset 17
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model
