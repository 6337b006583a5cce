"""The shape of every source: one class that scores items for a user from the arrays in its bundle folder.

Item rows are int32 in 1..N; row 0 is padding and never an item. Scoring is pure and deterministic: the same
arrays and the same history give the same scores, served or evaluated offline, because both run this code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.core.sources.top_rows import open_rows_without, top_open_rows

Rows: TypeAlias = NDArray[np.int32]
Scores: TypeAlias = NDArray[np.float32]
RowMask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class History:
    """What a source may know of a user.

    rows: int32 [L], items of the newest interactions, oldest first (unknown items left out by the caller).
    times: int64 [L], event times in microseconds, or empty when they are not known.
    user_vector: float32 [D], the user encoder's output for these rows, or None when Triton gave none.
    """

    rows: Rows
    times: NDArray[np.int64]
    user_vector: Scores | None = None

    @classmethod
    def of(cls, rows: Rows, user_vector: Scores | None = None) -> History:
        """A history of which only the items are known."""
        return cls(np.asarray(rows, dtype=np.int32), np.empty(0, dtype=np.int64), user_vector)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Items a source proposes, best first, equal scores by row: rows int32 [k], their scores float32 [k]."""

    rows: Rows
    scores: Scores


class Source(ABC):
    """One way of finding items for a user. A new one: a subclass in its own file, and its registration."""

    name: ClassVar[str]
    """Folder in the bundle, feature name in the ranker, label in metrics."""
    needs_user_vector: ClassVar[bool] = False
    """True if the source has nothing to say without ``History.user_vector``."""

    @classmethod
    @abstractmethod
    def load(cls, bundle: Path) -> Self:
        """Read the source's arrays from ``<bundle>/<name>/``. Raises BundleError if they are not there."""

    @property
    @abstractmethod
    def item_count(self) -> int:
        """N: valid rows are 1..N."""

    @abstractmethod
    def knows(self, history: History) -> bool:
        """Whether the source has anything to say for this history; if not, all its scores are 0."""

    @abstractmethod
    def score(self, history: History) -> Scores:
        """Scores of all items, float32 [N+1], finite but for row 0, which is -inf. Not to be written to."""

    def score_rows(self, history: History, rows: Rows) -> Scores:
        """Scores of the given items, float32 [C], equal to ``score(history)[rows]``; rows lie in 1..N.

        A source whose ``score`` is too dear for a large catalogue overrides this.
        """
        return self.score(history)[rows]

    def retrieve(self, history: History, count: int, excluded_rows: Rows) -> Retrieved:
        """At most ``count`` items, best first, none of ``excluded_rows``; none if it knows nothing."""
        return self.retrieve_open(history, count, open_rows_without(excluded_rows, self.item_count + 1))

    def retrieve_open(self, history: History, count: int, open_rows: RowMask) -> Retrieved:
        """As ``retrieve``, but out of the rows that are open, bool [N+1]; row 0 is never found whatever it says."""
        if not self.knows(history):
            return NOTHING
        return self.best_of(self.score(history), count, open_rows)

    @property
    def retrieves_by_scores(self) -> bool:
        """Whether ``retrieve_open`` is ``best_of(score(history), …)``: a caller who needs both then scores once."""
        return True

    def best_of(self, scores: Scores, count: int, open_rows: RowMask) -> Retrieved:
        """What ``retrieve_open`` proposes where ``scores`` is what ``score`` gave."""
        rows, best = top_open_rows(scores, count, open_rows)
        return Retrieved(rows, best)


NOTHING = Retrieved(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32))
