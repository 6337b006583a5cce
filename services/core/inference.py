"""Inference as the stages see it: a model version is run, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Inference(Protocol):
    """Runs models by name and version; what the Triton client does."""

    async def infer(
        self,
        model: str,
        version: str,
        inputs: Mapping[str, NDArray[np.generic]],
        output: str,
        timeout_seconds: float,
    ) -> NDArray[np.float32]:
        """Return one output of the model. Raises UnavailableError or TimeoutError."""
        ...
