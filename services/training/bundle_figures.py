"""What a protocol tells of the bundle that it measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.core.bundle import BundleManifest


def bundle_figures(manifest: BundleManifest, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Items, validation and training of the bundle; "seconds" alone differ between equal runs, and hold ``seconds``."""
    training = dict(manifest.training)
    of_training = training.pop("seconds", {})
    return {
        "items": manifest.item_count,
        "validation": dict(manifest.metrics),
        "training": training,
        "seconds": {**seconds, "training": of_training},
    }
