"""Export to ONNX, and the proof that ONNX Runtime computes what torch does."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.export import Dim

from services.core.bundle import RANKER, USER_ENCODER, BundleDraft, ModelEntry, TensorEntry, model_file
from services.training.model.blend import Blend
from services.training.model.encoder import SequenceEncoder
from services.training.model.served import ServedRanker, ServedUserEncoder

HEADS = ("engage",)
OPSET = 18
_TOLERANCE = 1e-3


class ExportError(Exception):
    """An exported model does not compute what the trained one does."""


def export_models(
    encoder: SequenceEncoder,
    blend: Blend,
    sources: tuple[str, ...],
    history_buckets: tuple[int, ...],
    draft: BundleDraft,
) -> dict[str, ModelEntry]:
    """Write user_encoder and ranker into the draft and check them. Raises ExportError if they disagree with torch."""
    encoder.eval()
    width, features = encoder.shape.width, len(sources)
    length, count = history_buckets[0], 64
    items = encoder.shape.item_count
    generator = torch.Generator().manual_seed(0)
    history = torch.randint(0, items + 1, (2, length), generator=generator)
    history[1, : length // 2] = 0
    candidates = torch.randint(0, items + 1, (2, count), generator=generator)
    scores = torch.rand(2, count, features, generator=generator)
    batch, any_length, any_count = Dim("batch"), Dim("length", min=2), Dim("count")
    user_encoder_path, ranker_path = draft.file(model_file(USER_ENCODER)), draft.file(model_file(RANKER))
    _export(
        ServedUserEncoder(encoder),
        {"history_items": history},
        {"history_items": {0: batch, 1: any_length}},
        "user_vectors",
        user_encoder_path,
    )
    _export(
        ServedRanker(encoder, blend),
        {"history_items": history, "candidate_items": candidates, "candidate_features": scores},
        {
            "history_items": {0: batch, 1: any_length},
            "candidate_items": {0: batch, 1: any_count},
            "candidate_features": {0: batch, 1: any_count},
        },
        "scores",
        ranker_path,
    )
    history_entry = TensorEntry("history_items", "INT64", (-1, -1))
    served = {"max_history": history_buckets[-1], "history_buckets": history_buckets, "vector_size": width}
    return {
        USER_ENCODER: ModelEntry(
            path=model_file(USER_ENCODER),
            inputs=(history_entry,),
            outputs=(TensorEntry("user_vectors", "FP32", (-1, width)),),
            **served,  # type: ignore[arg-type]
        ),
        RANKER: ModelEntry(
            path=model_file(RANKER),
            inputs=(
                history_entry,
                TensorEntry("candidate_items", "INT64", (-1, -1)),
                TensorEntry("candidate_features", "FP32", (-1, -1, features)),
            ),
            outputs=(TensorEntry("scores", "FP32", (-1, -1, len(HEADS))),),
            sources=sources,
            heads=HEADS,
            **served,  # type: ignore[arg-type]
        ),
    }


def _export(
    module: nn.Module,
    inputs: dict[str, torch.Tensor],
    dynamic_shapes: dict[str, dict[int, Dim]],
    output: str,
    path: Path,
) -> None:
    module.eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            kwargs=inputs,
            dynamo=True,
            dynamic_shapes=dynamic_shapes,
            input_names=list(inputs),
            output_names=[output],
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise ExportError(f"torch did not export {path.parent.name}")
    program.save(str(path), external_data=False)
    _check(module, inputs, path)


def _check(module: nn.Module, inputs: dict[str, torch.Tensor], path: Path) -> None:
    """Compare with torch on these inputs, alone and padded to twice the history, and with one user only."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    longer = {
        **inputs,
        "history_items": nn.functional.pad(inputs["history_items"], (inputs["history_items"].shape[1], 0)),
    }
    alone = {name: value[:1] for name, value in inputs.items()}
    for case in (inputs, longer, alone):
        with torch.no_grad():
            wanted = module(**case).numpy()
        found = session.run(None, {name: value.numpy() for name, value in case.items()})[0]
        difference = float(np.abs(found - wanted).max())
        if found.shape != wanted.shape or not difference <= _TOLERANCE:
            raise ExportError(f"{path.parent.name}: ONNX Runtime differs from torch by {difference:.2e}")
