"""Recency: what this user took before and may take again, the latest first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from services.core.bundle import BundleError, read_array
from services.core.sources.source import History, Retrieved, RowMask, Scores, Source
from services.core.sources.top_rows import top_positive_rows

RATES = "recency/rates.npy"
CONFIG = "recency/config.json"


class RecencySource(Source):
    """score(j) = rate of j · d^-decay, d the number of other items of the history taken since j was last taken.

    A form of the copying model of Anderson et al., The dynamics of repeat consumption (2014): a quality of the item
    times a power of how long ago it was. How often this user took it does not count: serving passes on each item of a
    history once, where it was last. What was taken last of all (d = 0) scores 0: it is not taken again just now.

    It has something to propose only to callers who want seen items too.
    """

    name: ClassVar[str] = "recency"

    def __init__(self, rates: Scores, decay: float) -> None:
        """rates: float32 [N+1], share of an item's interactions that the same user repeats, row 0 zero."""
        self.rates = rates
        self.decay = decay

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the arrays of the bundle; raises BundleError."""
        try:
            decay = float(json.loads((bundle / CONFIG).read_text(encoding="utf-8"))["decay"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"bundle {bundle.name}: cannot read {CONFIG}: {error}") from error
        return cls(read_array(bundle, RATES).astype(np.float32, copy=False), decay)

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.rates) - 1

    def knows(self, history: History) -> bool:
        """Whether there is any history."""
        return len(history.rows) > 0

    def score(self, history: History) -> Scores:
        """Scores of the history's items; 0 for all others."""
        scores = np.zeros(len(self.rates), dtype=np.float32)
        _, newest = np.unique(history.rows[::-1], return_index=True)
        latest_first = history.rows[::-1][np.sort(newest)]
        since = np.arange(1, len(latest_first))
        scores[latest_first[1:]] = self.rates[latest_first[1:]] * since**-self.decay
        scores[0] = -np.inf
        return scores

    def best_of(self, scores: Scores, count: int, open_rows: RowMask) -> Retrieved:
        """As of every source; what the user never took (score 0) is not proposed."""
        return Retrieved(*top_positive_rows(scores, count, open_rows))
