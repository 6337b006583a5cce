"""Ranking metrics over lists of recommended items, best first.

Lists are int32 [U, K] with 0 after the end of a short list; an item occurs at most once in a list. What is relevant
is int32 [U, R], 0 after the end; an item occurs at most once there. Every metric is the mean over all U users, and
a user with an empty list counts as 0. Users with nothing relevant count as 0 too: leave them out beforehand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Lists = NDArray[np.int32]


def hits(lists: Lists, relevant: Lists, count: int) -> NDArray[np.bool_]:
    """Bool [U, min(count, K)]: whether the item at each place is relevant to the user."""
    top = lists[:, :count]
    found: NDArray[np.bool_] = (top[:, :, None] == relevant[:, None, :]).any(axis=2) & (top > 0)
    return found


def recall(lists: Lists, relevant: Lists, count: int) -> float:
    """Hits in the first ``count`` / number of relevant items."""
    sizes = np.maximum((relevant > 0).sum(axis=1), 1)
    return _mean(hits(lists, relevant, count).sum(axis=1) / sizes)


def hit_rate(lists: Lists, relevant: Lists, count: int) -> float:
    """1 if any of the first ``count`` is relevant."""
    return _mean(hits(lists, relevant, count).any(axis=1))


def precision(lists: Lists, relevant: Lists, count: int) -> float:
    """Hits in the first ``count`` / ``count``, also where the list is shorter."""
    return _mean(hits(lists, relevant, count).sum(axis=1) / count)


def f1(lists: Lists, relevant: Lists, count: int) -> float:
    """Per user 2·hits / (count + number of relevant items), the harmonic mean of precision and recall."""
    sizes = (relevant > 0).sum(axis=1)
    return _mean(2.0 * hits(lists, relevant, count).sum(axis=1) / (count + sizes))


def ndcg(lists: Lists, relevant: Lists, count: int) -> float:
    """Σ over hits of 1/log2(place + 1), divided by that sum for the ideal list; places count from 1."""
    found = hits(lists, relevant, count)
    discounts = 1.0 / np.log2(np.arange(2, count + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])
    sizes = np.clip((relevant > 0).sum(axis=1), 0, count)
    return _mean((found @ discounts[: found.shape[1]]) / np.maximum(ideal[sizes], discounts[-1]))


def mrr(lists: Lists, relevant: Lists, count: int) -> float:
    """1 / place of the first hit among the first ``count``, 0 without one."""
    found = hits(lists, relevant, count)
    if found.shape[1] == 0:
        return 0.0
    return _mean(np.where(found.any(axis=1), 1.0 / (found.argmax(axis=1) + 1), 0.0))


def mean_average_precision(lists: Lists, relevant: Lists, count: int) -> float:
    """Mean over hits of the precision at their place, divided by min(number of relevant items, count)."""
    found = hits(lists, relevant, count)
    precisions = np.cumsum(found, axis=1) / np.arange(1, found.shape[1] + 1)
    sizes = np.clip((relevant > 0).sum(axis=1), 1, count)
    return _mean((precisions * found).sum(axis=1) / sizes)


def coverage(lists: Lists, item_count: int, count: int) -> float:
    """Distinct items in the first ``count`` of any list / ``item_count``."""
    shown = np.unique(lists[:, :count])
    return float((shown > 0).sum() / item_count) if item_count else 0.0


def _mean(values: ArrayLike) -> float:
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()) if array.size else 0.0
