"""Mult-VAE: a variational autoencoder of what a user took, with a multinomial likelihood (Liang et al. 2018)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from services.core.bundle import read_array
from services.core.sources.source import History, Rows, Scores, Source

INPUT_VECTORS = "mult_vae/input_vectors.npy"
INPUT_BIAS = "mult_vae/input_bias.npy"
HIDDEN_WEIGHTS = "mult_vae/hidden_weights.npy"
HIDDEN_BIAS = "mult_vae/hidden_bias.npy"
OUTPUT_VECTORS = "mult_vae/output_vectors.npy"
OUTPUT_BIAS = "mult_vae/output_bias.npy"


class MultVaeSource(Source):
    """score(j) = v_j · h + b_j, the decoder's logit at the mean of the latent taste.

    g = tanh(Σ w_i / √n + c) over the n distinct items i of the history, h = tanh(g · M + m). M and m are the
    encoder's mean and the decoder's first layer in one, as nothing lies between them. The logits are centred: 0 is
    the mean of the catalogue, whatever the history, which the softmax over them does not see.
    """

    name: ClassVar[str] = "mult_vae"

    def __init__(
        self,
        input_vectors: Scores,
        input_bias: Scores,
        hidden_weights: Scores,
        hidden_bias: Scores,
        output_vectors: Scores,
        output_bias: Scores,
    ) -> None:
        """Arrays of float32.

        input_vectors: w [N+1, H], row 0 zero; input_bias: c [H]. hidden_weights: M [H, H]; hidden_bias: m [H].
        output_vectors: v [N+1, H]; output_bias: b [N+1]; both row 0 zero and of mean 0 over the items.
        """
        self.input_vectors = input_vectors
        self.input_bias = input_bias
        self.hidden_weights = hidden_weights
        self.hidden_bias = hidden_bias
        self.output_vectors = output_vectors
        self.output_bias = output_bias

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the arrays of the bundle; raises BundleError."""
        names = (INPUT_VECTORS, INPUT_BIAS, HIDDEN_WEIGHTS, HIDDEN_BIAS, OUTPUT_VECTORS, OUTPUT_BIAS)
        return cls(*(read_array(bundle, name).astype(np.float32, copy=False) for name in names))

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.output_vectors) - 1

    def knows(self, history: History) -> bool:
        """Whether there is any history."""
        return len(history.rows) > 0

    def score(self, history: History) -> Scores:
        """Logits of the whole catalogue; 0 for an empty history."""
        scores = np.zeros(len(self.output_vectors), dtype=np.float32)
        if self.knows(history):
            np.dot(self.output_vectors, self._hidden(history), out=scores)
            scores += self.output_bias
        scores[0] = -np.inf
        return scores

    def score_rows(self, history: History, rows: Rows) -> Scores:
        """Logits of the given rows alone, without decoding the catalogue."""
        if not self.knows(history):
            return np.zeros(len(rows), dtype=np.float32)
        scores: Scores = self.output_vectors[rows] @ self._hidden(history) + self.output_bias[rows]
        return scores

    def _hidden(self, history: History) -> Scores:
        """float32 [H]: the decoder's last layer before the items."""
        rows = np.unique(history.rows)
        taken = self.input_vectors[rows].sum(axis=0) / np.float32(np.sqrt(len(rows)))
        hidden: Scores = np.tanh(np.tanh(taken + self.input_bias) @ self.hidden_weights + self.hidden_bias)
        return hidden
