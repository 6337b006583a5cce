"""The models of the active bundle: loaded in Triton, and answering."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.cli.checks.finding import Finding
from services.core.bundle import USER_ENCODER, BundleError, read_manifest
from services.core.errors import DomainError
from services.core.history_events import FEATURES
from services.plumbing.clients.triton import open_triton

_PROBE_SECONDS = 5.0
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
            length = model.history_buckets[0]
            inputs: dict[str, NDArray[np.generic]] = {
                "history_items": np.ones((1, length), np.int64),
                "history_events": np.zeros((1, length, len(FEATURES)), np.float32),
            }
            if name != USER_ENCODER:
                inputs["user_vectors"] = np.zeros((1, model.vector_size), np.float32)
                inputs["candidate_items"] = np.ones((1, 64), np.int64)
                inputs["candidate_features"] = np.zeros((1, 64, len(model.sources)), np.float32)
            try:
                await triton.infer(name, version, inputs, model.outputs[0].name, _PROBE_SECONDS)
                findings.append(Finding(f"model {name}", True, f"{version} answers"))
            except (DomainError, TimeoutError) as error:
                findings.append(
                    Finding(f"model {name}", False, str(error) or "no answer in time", f"{_HINT} {version}")
                )
    return findings
