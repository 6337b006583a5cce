"""Texts: what says something like the things this user took lately."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from services.core.bundle import read_array
from services.core.sources.source import History, Retrieved, RowMask, Rows, Scores, Source
from services.core.sources.top_rows import top_positive_rows
from services.core.text_space import Float32, taste

PLACES = "texts/places.npy"

_NEWEST = 50


class TextsSource(Source):
    """score(j) = Σ_n n^-0.7 · z_j · z_n over the newest items n, z being places in the text space (core/text_space.py).

    It needs nobody to have taken an item: where little is known of what people do, it is what is known.
    """

    name: ClassVar[str] = "texts"

    def __init__(self, places: Float32) -> None:
        """places: float32 [N+1, K], unit rows, zeros where an item says nothing; row 0 is padding."""
        self.places = places
        self._says: RowMask = np.any(places != 0, axis=1)

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the array of the bundle; raises BundleError."""
        return cls(read_array(bundle, PLACES).astype(np.float32, copy=False))

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.places) - 1

    def knows(self, history: History) -> bool:
        """Whether anything in the history says something."""
        return bool(self._says[history.rows].any())

    def score(self, history: History) -> Scores:
        """Weighted cosines; 0 of an item that says nothing."""
        scores: Scores = self.places @ self._taste(history)
        scores[0] = -np.inf
        return scores

    def score_rows(self, history: History, rows: Rows) -> Scores:
        """Scores of the given rows alone, without scoring the catalogue."""
        scores: Scores = self.places[rows] @ self._taste(history)
        return scores

    def best_of(self, scores: Scores, count: int, open_rows: RowMask) -> Retrieved:
        """As of every source; what is less like it than the average item is not proposed."""
        return Retrieved(*top_positive_rows(scores, count, open_rows))

    def _taste(self, history: History) -> Float32:
        return taste(self.places[history.rows[self._says[history.rows]][-_NEWEST:]])
