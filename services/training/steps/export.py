"""Export to ONNX, and the proof that ONNX Runtime computes what torch does."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from services.core.bundle import RANKER, USER_ENCODER, BundleDraft, ModelEntry, TensorEntry, model_file
from services.core.cascade import ENGAGE_PROBABILITY
from services.core.history_events import FEATURES, GAP, TYPE, VALUE, VALUE_KNOWN
from services.core.sources.sequence import SequenceSource
from services.training.model.action_heads import ActionHeads
from services.training.model.blend import Blend
from services.training.model.encoder import SequenceEncoder
from services.training.model.served import ServedRanker, ServedUserEncoder
from services.training.steps.calibrate import Calibration, NewcomerLine

HEADS = ("engage", ENGAGE_PROBABILITY)
"""The score that orders, and the calibrated probability that the candidate is taken next; the action heads follow."""

OPSET = 18
_FREE = {
    "history_items": "length",
    "history_events": "length",
    "candidate_items": "count",
    "candidate_features": "count",
}
_TOLERANCE = 1e-3


class ExportError(Exception):
    """An exported model does not compute what the trained one does."""


def export_models(
    encoder: SequenceEncoder,
    blend: Blend,
    sources: tuple[str, ...],
    history_buckets: tuple[int, ...],
    draft: BundleDraft,
    calibration: Calibration,
    actions: ActionHeads | None = None,
    newcomers: NewcomerLine | None = None,
) -> dict[str, ModelEntry]:
    """Write user_encoder and ranker into the draft and check them. Raises ExportError if they disagree with torch."""
    encoder.eval()
    heads = (*HEADS, *(head.name for head in (actions.heads if actions is not None else ())))
    width, features = encoder.shape.width, len(sources)
    length, count = history_buckets[-1], 64
    items = encoder.shape.item_count
    generator = torch.Generator().manual_seed(0)
    history = torch.randint(0, items + 1, (2, length), generator=generator)
    history[1, : length // 2] = 0
    events = _some_events(history, generator)
    candidates = torch.randint(0, items + 1, (2, count), generator=generator)
    scores = torch.rand(2, count, features, generator=generator)
    user_encoder_path, ranker_path = draft.file(model_file(USER_ENCODER)), draft.file(model_file(RANKER))
    _export(
        ServedUserEncoder(encoder),
        {"history_items": history, "history_events": events},
        "user_vectors",
        user_encoder_path,
    )
    with torch.no_grad():
        vectors = encoder.user_vectors(history, events)
    _export(
        ServedRanker(encoder, blend, calibration.scale, calibration.offset, actions, _newcomers(newcomers, sources)),
        {
            "user_vectors": vectors,
            "history_items": history,
            "history_events": events,
            "candidate_items": candidates,
            "candidate_features": scores,
        },
        "scores",
        ranker_path,
    )
    history_entries = (
        TensorEntry("history_items", "INT64", (-1, -1)),
        TensorEntry("history_events", "FP32", (-1, -1, len(FEATURES))),
    )
    served = {"max_history": history_buckets[-1], "history_buckets": history_buckets, "vector_size": width}
    return {
        USER_ENCODER: ModelEntry(
            path=model_file(USER_ENCODER),
            inputs=history_entries,
            outputs=(TensorEntry("user_vectors", "FP32", (-1, width)),),
            **served,  # type: ignore[arg-type]
        ),
        RANKER: ModelEntry(
            path=model_file(RANKER),
            inputs=(
                TensorEntry("user_vectors", "FP32", (-1, width)),
                *history_entries,
                TensorEntry("candidate_items", "INT64", (-1, -1)),
                TensorEntry("candidate_features", "FP32", (-1, -1, features)),
            ),
            outputs=(TensorEntry("scores", "FP32", (-1, -1, len(heads))),),
            sources=sources,
            heads=heads,
            **served,  # type: ignore[arg-type]
        ),
    }


def _newcomers(line: NewcomerLine | None, sources: tuple[str, ...]) -> tuple[int, float, float] | None:
    if line is None or SequenceSource.name not in sources:
        return None
    return sources.index(SequenceSource.name), line.slope, line.offset


def _some_events(history: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """float32 [B, L, 4]: any types, ratings of 1 to 5 for half of the events, and gaps; nothing of padding."""
    shape = history.shape
    columns = {
        TYPE: torch.randint(1, 9, shape, generator=generator).float(),
        VALUE_KNOWN: torch.randint(0, 2, shape, generator=generator).float(),
        VALUE: torch.randint(1, 6, shape, generator=generator).float(),
        GAP: torch.rand(shape, generator=generator) * 25.0,
    }
    columns[VALUE] *= columns[VALUE_KNOWN]
    events = torch.stack([columns[place] for place in range(len(FEATURES))], dim=-1)
    return events * (history > 0)[..., None]


def _export(module: nn.Module, inputs: dict[str, torch.Tensor], output: str, path: Path) -> None:
    """Trace the module with batch, length and count free, and check the result.

    The tracing exporter, though the older one: these graphs have no branches, so it loses nothing, and it takes a
    second where the newer one takes ten, on cores that serve traffic meanwhile. ``_check`` holds it to torch.
    """
    module.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            dynamo=False,
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes={name: {0: "batch"} | ({1: _FREE[name]} if name in _FREE else {}) for name in inputs}
            | {output: {0: "batch"}},
            opset_version=OPSET,
        )
    _check(module, inputs, path)


def _check(module: nn.Module, inputs: dict[str, torch.Tensor], path: Path) -> None:
    """Compare with torch on these inputs, on shorter ones and on one user alone."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    shorter = {name: value[:, -5:] if name in _FREE else value for name, value in inputs.items()}
    alone = {name: value[:1] for name, value in inputs.items()}
    for case in (inputs, shorter, alone):
        with torch.no_grad():
            wanted = module(**case).numpy()
        found = session.run(None, {name: value.numpy() for name, value in case.items()})[0]
        difference = float(np.abs(found - wanted).max())
        if found.shape != wanted.shape or not difference <= _TOLERANCE:
            raise ExportError(f"{path.parent.name}: ONNX Runtime differs from torch by {difference:.2e}")
