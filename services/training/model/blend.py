"""The blend: what the ranker adds to the Transformer's logit from what the sources say of a candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Blend:
    """Adds Σ_f weight_f · log(1 + max(score_f, 0) / scale_f). A score of 0, nothing known, adds nothing.

    weights, scales: float32 [F], in the order of the ranker's features.
    """

    weights: NDArray[np.float32]
    scales: NDArray[np.float32]

    def terms(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Transformed features float32 [..., F], before the weights."""
        terms: NDArray[np.float32] = np.log1p(np.maximum(features, 0.0) / self.scales)
        return terms

    def add(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the blend adds to each logit: float32 [...] from features float32 [..., F]."""
        added: NDArray[np.float32] = self.terms(features) @ self.weights
        return added
