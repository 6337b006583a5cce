"""What an evaluation was made with, as far as it decides figures."""

from __future__ import annotations

import importlib.metadata
import platform

_DISTRIBUTIONS = ("trommel", "numpy", "scipy", "torch", "onnxruntime")


def versions() -> dict[str, str]:
    """Versions by name, and what kind of machine it was."""
    found = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {**found, "machine": f"{platform.system()} {platform.machine()}"}
