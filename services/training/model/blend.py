"""The blend: the ranker's score of a candidate from the Transformer's logit and what the sources say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Blend:
    """score = z · linear + silu(z · hidden + hidden_bias) · output, each candidate by itself.

    z float32 [F + 2] of a candidate: the Transformer's logit; of each source log(1 + max(score, 0) / scale), so that
    a score of 0, nothing known, is 0 whatever the source's unit; log(1 + length of the history).

    scales: float32 [F], in the order of the ranker's features. linear: float32 [F + 2]. hidden: float32 [F + 2, H],
    hidden_bias, output: float32 [H]; H may be 0.
    """

    scales: Float32
    linear: Float32
    hidden: Float32
    hidden_bias: Float32
    output: Float32

    @classmethod
    def of_weights(cls, weights: Float32, scales: Float32) -> Self:
        """Logit + Σ_f weight_f · log(1 + max(score_f, 0) / scale_f)."""
        size = len(scales) + 2
        none = np.zeros(0, dtype=np.float32)
        linear = np.concatenate([[1.0], weights, [0.0]]).astype(np.float32)
        return cls(scales, linear, np.zeros((size, 0), dtype=np.float32), none, none)

    def inputs(self, taste: Float32, features: Float32, history_length: int) -> Float32:
        """Z float32 [C, F + 2] from logits float32 [C] and raw source scores float32 [C, F]."""
        return blend_inputs(taste, features, history_length, self.scales)

    def scores(self, taste: Float32, features: Float32, history_length: int) -> Float32:
        """float32 [C]."""
        inputs = self.inputs(taste, features, history_length)
        states = inputs @ self.hidden + self.hidden_bias
        gates = 1.0 / (1.0 + np.exp(-np.clip(states, -60.0, 60.0)))
        scores: Float32 = (inputs @ self.linear + (states * gates) @ self.output).astype(np.float32)
        return scores


def blend_inputs(taste: Float32, features: Float32, history_length: int, scales: Float32) -> Float32:
    """Z of every candidate, float32 [C, F + 2]."""
    inputs = np.empty((len(taste), features.shape[1] + 2), dtype=np.float32)
    inputs[:, 0] = taste
    inputs[:, 1:-1] = np.log1p(np.maximum(features, 0.0) / scales)
    inputs[:, -1] = np.log1p(history_length)
    return inputs
