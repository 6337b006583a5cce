"""User neighbours: what was taken by those whose items are most like this user's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import BundleError, read_array
from services.core.sources.source import History, Retrieved, RowMask, Rows, Scores, Source
from services.core.sources.top_rows import top_positive_rows

ITEM_STARTS = "user_knn/item_starts.npy"
ITEM_USERS = "user_knn/item_users.npy"
USER_STARTS = "user_knn/user_starts.npy"
USER_ITEMS = "user_knn/user_items.npy"
ITEM_WEIGHTS = "user_knn/item_weights.npy"
CONFIG = "user_knn/config.json"

_LEAST_NORM = 1e-6


class UserKnnSource(Source):
    """score(j) = Σ of similarity(u) over the K most similar stored users u who took j.

    similarity(u), in 0..1, is the cosine of the history and the items of u. An item weighs more the fewer took it, and
    in the history, where it is the n-th newest, n^-decay of that. Users are numbered from 1, those whose last
    interaction is the newest first: this decides between equals.

    A stored user who took nothing beyond the history is no neighbour: there is nothing to learn from him. That is
    how the asking user himself, whom training has stored, takes no place among the K.
    """

    name: ClassVar[str] = "user_knn"

    def __init__(
        self,
        item_users: tuple[NDArray[np.int64], NDArray[np.int32]],
        user_items: tuple[NDArray[np.int64], NDArray[np.int32]],
        item_weights: Scores,
        neighbours: int,
        decay: float,
    ) -> None:
        """item_users: starts int64 [N+2] and users int32, those of item r at starts[r]:starts[r+1]; may be shortened.

        user_items: the same of users, starts int64 [U+2] and rows int32, each row once per user. item_weights: float32
        [N+1], not negative. neighbours: K.
        """
        self.item_starts, self.item_users = item_users
        self.user_starts, self.user_items = user_items
        self.item_weights = item_weights
        self.neighbours = neighbours
        self.decay = decay
        self._user_lengths = np.diff(self.user_starts)
        self._norms = _norms(self._user_lengths, item_weights[self.user_items])

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the arrays of the bundle; raises BundleError."""
        try:
            config = json.loads((bundle / CONFIG).read_text(encoding="utf-8"))
            neighbours, decay = int(config["neighbours"]), float(config["decay"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"bundle {bundle.name}: cannot read {CONFIG}: {error}") from error
        return cls(
            (
                read_array(bundle, ITEM_STARTS).astype(np.int64, copy=False),
                read_array(bundle, ITEM_USERS).astype(np.int32, copy=False),
            ),
            (
                read_array(bundle, USER_STARTS).astype(np.int64, copy=False),
                read_array(bundle, USER_ITEMS).astype(np.int32, copy=False),
            ),
            read_array(bundle, ITEM_WEIGHTS).astype(np.float32, copy=False),
            neighbours,
            decay,
        )

    @property
    def item_count(self) -> int:
        """N: valid rows are 1..N."""
        return len(self.item_weights) - 1

    def knows(self, history: History) -> bool:
        """Whether there is any history."""
        return len(history.rows) > 0

    def score(self, history: History) -> Scores:
        """Summed similarities; 0 where no neighbour took the item."""
        found = self.similar_users(history)
        places, owners = _places(self.user_starts, found.rows)
        totals = np.bincount(self.user_items[places], weights=found.scores[owners], minlength=len(self.item_weights))
        scores: Scores = totals.astype(np.float32)
        scores[0] = -np.inf
        return scores

    def best_of(self, scores: Scores, count: int, open_rows: RowMask) -> Retrieved:
        """As of every source; an item that no neighbour took (score 0) is not proposed."""
        return Retrieved(*top_positive_rows(scores, count, open_rows))

    def similar_users(self, history: History) -> Retrieved:
        """The K most similar users who took something else too, int32 [≤ K], and their similarities."""
        taken, newest = np.unique(history.rows[::-1], return_index=True)
        shares = (np.argsort(np.argsort(newest)) + 1.0) ** -self.decay
        weights = self.item_weights[taken]
        norm = float(np.sqrt((shares**2 * weights).sum()))
        places, owners = _places(self.item_starts, taken)
        users = self.item_users[places]
        common = np.bincount(users, weights=(shares * weights)[owners], minlength=len(self._norms))
        shared = np.bincount(users, minlength=len(self._norms))
        # The few that share anything, behind user 0, who is nobody.
        near = np.concatenate([[0], shared.nonzero()[0]])
        similarities = (common[near] / (max(norm, _LEAST_NORM) * self._norms[near])).astype(np.float32)
        best, found = top_positive_rows(similarities, self.neighbours, shared[near] < self._user_lengths[near])
        return Retrieved(near[best].astype(np.int32), found)


def _norms(lengths: NDArray[np.int64], weights: Scores) -> NDArray[np.float64]:
    """Root of the summed weights of each user, whose ``lengths`` entries of ``weights`` follow each other."""
    users = np.repeat(np.arange(len(lengths)), lengths)
    return np.maximum(np.sqrt(np.bincount(users, weights=weights, minlength=len(lengths))), _LEAST_NORM)


def _places(starts: NDArray[np.int64], rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the entries of ``rows`` stand, and to which place in ``rows`` each belongs: int64 [P] each."""
    counts = starts[rows + 1] - starts[rows]
    owners = np.repeat(np.arange(len(rows)), counts)
    before = np.cumsum(counts) - counts
    return np.arange(len(owners)) + (starts[rows] - before)[owners], owners
