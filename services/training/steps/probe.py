"""Probe: one inference per model of a bundle. READY alone proves nothing: a killed stub stays ready."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import BundleManifest, ModelEntry, TensorEntry
from services.core.errors import UnavailableError
from services.plumbing.clients.triton import TritonClient

_OF_HISTORY = ("history_items", "history_events")
_OF_TEXT = ("input_ids", "attention_mask")
_CANDIDATES = 64
_NUMPY_TYPES: dict[str, type[np.generic]] = {"INT64": np.int64, "FP32": np.float32}


async def probe_models(triton: TritonClient, manifest: BundleManifest, timeout_seconds: float = 10.0) -> None:
    """Run every model of a bundle once, at its pinned version.

    Raises:
        UnavailableError: A model does not answer, or answers with other than finite numbers of the promised shape.
        TimeoutError: No answer in time.
    """
    for name, entry in manifest.models.items():
        inputs = {tensor.name: example_input(tensor, entry, manifest.item_count) for tensor in entry.inputs}
        for output in entry.outputs:
            answer = await triton.infer(name, manifest.version, inputs, output.name, timeout_seconds)
            fits = len(answer.shape) == len(output.shape) and all(
                wanted in (-1, found) for wanted, found in zip(output.shape, answer.shape, strict=True)
            )
            if not fits or not np.isfinite(answer).all():
                raise UnavailableError(f"model {name} {manifest.version} gives no usable {output.name}")


def example_input(tensor: TensorEntry, entry: ModelEntry, item_count: int) -> NDArray[np.generic]:
    """Return an input as serving sends it: batch 1, the shortest history bucket, 64 candidates.

    Rows are 1, 2, 3 … as far as the items go, so that nothing is padding; tokens are 1, features 0.
    """
    free = entry.history_buckets[0] if tensor.name in _OF_HISTORY else _CANDIDATES
    shape = tuple(1 if axis == 0 else free if size == -1 else size for axis, size in enumerate(tensor.shape))
    if tensor.name in _OF_TEXT:
        return np.ones(shape, np.int64)
    if tensor.dtype == "INT64":
        return (np.arange(np.prod(shape), dtype=np.int64) % max(item_count, 1) + 1).reshape(shape)
    return np.zeros(shape, _NUMPY_TYPES[tensor.dtype])
