"""Checkpoints: what a killed worker needs to go on with the Transformer as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import torch

from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig


def fingerprint(log: InteractionLog, config: TrainingConfig, start_from: str) -> str:
    """Hex digest of everything that decides the outcome: a checkpoint of other data or settings is not used."""
    digest = hashlib.sha256(repr((config, start_from)).encode())
    for column in (log.item_ids, log.starts, log.rows, log.times):
        digest.update(column.tobytes())
    if log.attributes is not None:
        digest.update(log.attributes.starts.tobytes() + log.attributes.codes.tobytes())
    for content in log.contents or ():
        digest.update(repr((content.categories, sorted(content.numbers.items()))).encode())
        for name, vector in sorted(content.vectors.items()):
            digest.update(name.encode() + vector.tobytes())
    for text in log.texts or ():
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint file at once: a kill in between leaves the former one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def load_checkpoint(path: Path, wanted_fingerprint: str) -> dict[str, Any] | None:
    """The state saved for this very run, or None; an unreadable file counts as none."""
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
    except Exception:  # noqa: BLE001 - torch raises whatever the damaged bytes lead to; starting anew is always right
        return None
    return state if state.get("fingerprint") == wanted_fingerprint else None
