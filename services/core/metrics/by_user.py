"""Ranking metrics of each user: whoever wants means alone takes ``ranking``.

Lists are int32 [U, K], best first, with 0 after the end of a short list; an item occurs at most once in a list. What
is relevant is int32 [U, R], 0 after the end; an item occurs at most once there. ``count`` is at least 1 and may exceed
K. Every metric is float64 [U] in 0..1, higher is better. A user with an empty list has 0. A user with nothing relevant
has 0 too, and nothing can be said of their list: leave them out beforehand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Lists = NDArray[np.int32]
Values = NDArray[np.float64]


def hits(lists: Lists, relevant: Lists, count: int) -> NDArray[np.bool_]:
    """Bool [U, min(count, K)]: whether the item at each place is relevant to the user."""
    top = lists[:, :count]
    found: NDArray[np.bool_] = (top[:, :, None] == relevant[:, None, :]).any(axis=2) & (top > 0)
    return found


def recall(lists: Lists, relevant: Lists, count: int) -> Values:
    """Hits in the first ``count`` / number of relevant items."""
    return _float64(hits(lists, relevant, count).sum(axis=1) / np.maximum(_sizes(relevant), 1))


def hit_rate(lists: Lists, relevant: Lists, count: int) -> Values:
    """1 if any of the first ``count`` is relevant, else 0."""
    return _float64(hits(lists, relevant, count).any(axis=1))


def precision(lists: Lists, relevant: Lists, count: int) -> Values:
    """Hits in the first ``count`` / ``count``, also where the list is shorter."""
    return _float64(hits(lists, relevant, count).sum(axis=1) / count)


def f1(lists: Lists, relevant: Lists, count: int) -> Values:
    """2·hits / (count + number of relevant items), the harmonic mean of the user's precision and recall."""
    return _float64(2.0 * hits(lists, relevant, count).sum(axis=1) / (count + _sizes(relevant)))


def ndcg(lists: Lists, relevant: Lists, count: int) -> Values:
    """Σ over hits of 1/log2(place + 1), divided by that sum for the ideal list; places count from 1."""
    found = hits(lists, relevant, count)
    discounts = 1.0 / np.log2(np.arange(2, count + 2))
    ideal = np.cumsum(discounts)[np.clip(_sizes(relevant), 1, count) - 1]
    return _float64((found @ discounts[: found.shape[1]]) / ideal)


def reciprocal_rank(lists: Lists, relevant: Lists, count: int) -> Values:
    """1 / place of the first hit among the first ``count``, 0 without one."""
    found = hits(lists, relevant, count)
    return _float64((found / np.arange(1, found.shape[1] + 1)).max(axis=1, initial=0.0))


def average_precision(lists: Lists, relevant: Lists, count: int) -> Values:
    """Σ over hits of the precision at their place, divided by min(number of relevant items, count)."""
    found = hits(lists, relevant, count)
    precisions = np.cumsum(found, axis=1) / np.arange(1, found.shape[1] + 1)
    return _float64((precisions * found).sum(axis=1) / np.clip(_sizes(relevant), 1, count))


def _sizes(relevant: Lists) -> NDArray[np.int64]:
    sizes: NDArray[np.int64] = (relevant > 0).sum(axis=1)
    return sizes


def _float64(values: ArrayLike) -> Values:
    return np.asarray(values, dtype=np.float64)
