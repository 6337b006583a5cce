"""The models of the active bundle: loaded in Triton, and answering."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.cli.checks.finding import Finding
from services.core.bundle import BundleError, ModelEntry, TensorEntry, read_manifest
from services.core.errors import DomainError
from services.plumbing.clients.triton import open_triton

_PROBE_SECONDS = 5.0
# Of candidates, and of tokens.
_FREE = 64
_HINT = "activate the bundle again: trommel bundles activate"


async def check_models(store: Path, version: str, triton_url: str) -> list[Finding]:
    """Return one finding a model: an inference, because a model whose process died still counts as ready."""
    try:
        manifest = read_manifest(store / version)
    except BundleError as error:
        return [Finding("bundle files", False, str(error), "activate another: trommel bundles list")]
    findings = []
    async with open_triton(triton_url) as triton:
        for name, model in sorted(manifest.models.items()):
            inputs = {tensor.name: _example(tensor, model) for tensor in model.inputs}
            try:
                await triton.infer(name, version, inputs, model.outputs[0].name, _PROBE_SECONDS)
                findings.append(Finding(f"model {name}", True, f"{version} answers"))
            except (DomainError, TimeoutError) as error:
                findings.append(
                    Finding(f"model {name}", False, str(error) or "no answer in time", f"{_HINT} {version}")
                )
    return findings


def _example(tensor: TensorEntry, model: ModelEntry) -> NDArray[np.generic]:
    """One user with the shortest history, or one text: item or token 1 everywhere, all else 0."""
    free = model.history_buckets[0] if tensor.name.startswith("history_") else _FREE
    shape = tuple(1 if axis == 0 else free if size == -1 else size for axis, size in enumerate(tensor.shape))
    return np.ones(shape, np.int64) if tensor.dtype == "INT64" else np.zeros(shape, np.float32)
