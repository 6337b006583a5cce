"""Matrix factors: implicit-feedback ALS, the user folded in from the history at serve time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from services.core.bundle import BundleError, read_array
from services.core.sources.source import History, Rows, Scores, Source

ITEM_FACTORS = "matrix_factors/item_factors.npy"
GRAM = "matrix_factors/gram.npy"
CONFIG = "matrix_factors/config.json"


class MatrixFactorsSource(Source):
    """score(j) = y_j · x with x the user's least-squares factors given the item factors y.

    x solves (YᵀY + alpha · Y_hᵀY_h + regularization · I) x = (1 + alpha) · Σ y_h over the distinct items h of
    the history: one ALS half-step, so a new click counts at once and no user table is needed.
    """

    name: ClassVar[str] = "matrix_factors"

    def __init__(self, item_factors: Scores, gram: Scores, regularization: float, alpha: float) -> None:
        """item_factors: float32 [N+1, D], row 0 zero; gram: float32 [D, D] = YᵀY."""
        self.item_factors = item_factors
        self.gram = gram
        self.regularization = regularization
        self.alpha = alpha
        self._normal = gram + regularization * np.eye(len(gram), dtype=np.float32)

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the arrays of the bundle; raises BundleError."""
        try:
            config = json.loads((bundle / CONFIG).read_text(encoding="utf-8"))
            regularization, alpha = float(config["regularization"]), float(config["alpha"])
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"bundle {bundle.name}: cannot read {CONFIG}: {error}") from error
        return cls(
            read_array(bundle, ITEM_FACTORS).astype(np.float32, copy=False),
            read_array(bundle, GRAM).astype(np.float32, copy=False),
            regularization,
            alpha,
        )

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.item_factors) - 1

    def knows(self, history: History) -> bool:
        """Whether there is any history."""
        return len(history.rows) > 0

    def score(self, history: History) -> Scores:
        """Inner products with the folded-in user; 0 for an empty history."""
        scores: Scores = self.item_factors @ self._user_factors(history)
        scores[0] = -np.inf
        return scores

    def score_rows(self, history: History, rows: Rows) -> Scores:
        """Scores of the given rows alone, without scoring the catalogue."""
        scores: Scores = self.item_factors[rows] @ self._user_factors(history)
        return scores

    def _user_factors(self, history: History) -> Scores:
        rows = np.sort(history.rows)
        first = np.ones(len(rows), np.bool_)
        np.not_equal(rows[1:], rows[:-1], out=first[1:])
        taken = self.item_factors[rows[first]]
        normal = self._normal + self.alpha * (taken.T @ taken)
        return np.linalg.solve(normal, (1.0 + self.alpha) * taken.sum(axis=0)).astype(np.float32)
