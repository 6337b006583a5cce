"""Ranking metrics over lists of recommended items, best first: each is the mean over all U users of ``by_user``.

Lists are int32 [U, K] with 0 after the end of a short list; an item occurs at most once in a list. What is relevant
is int32 [U, R], 0 after the end; an item occurs at most once there. A user with an empty list counts as 0. Users with
nothing relevant count as 0 too: leave them out beforehand. Without users every metric is 0.
"""

from __future__ import annotations

import numpy as np

from services.core.metrics import by_user
from services.core.metrics.by_user import Lists, hits
from services.core.metrics.means import mean

__all__ = [
    "Lists",
    "coverage",
    "f1",
    "hit_rate",
    "hits",
    "mean_average_precision",
    "mrr",
    "ndcg",
    "precision",
    "recall",
]


def recall(lists: Lists, relevant: Lists, count: int) -> float:
    """Hits in the first ``count`` / number of relevant items."""
    return mean(by_user.recall(lists, relevant, count))


def hit_rate(lists: Lists, relevant: Lists, count: int) -> float:
    """Share of users with a hit in the first ``count``."""
    return mean(by_user.hit_rate(lists, relevant, count))


def precision(lists: Lists, relevant: Lists, count: int) -> float:
    """Hits in the first ``count`` / ``count``, also where the list is shorter."""
    return mean(by_user.precision(lists, relevant, count))


def f1(lists: Lists, relevant: Lists, count: int) -> float:
    """Mean of the users' F1, 2·hits / (count + number of relevant items): not the F1 of the two means."""
    return mean(by_user.f1(lists, relevant, count))


def ndcg(lists: Lists, relevant: Lists, count: int) -> float:
    """Σ over hits of 1/log2(place + 1), divided by that sum for the ideal list; places count from 1."""
    return mean(by_user.ndcg(lists, relevant, count))


def mrr(lists: Lists, relevant: Lists, count: int) -> float:
    """1 / place of the first hit among the first ``count``, 0 without one."""
    return mean(by_user.reciprocal_rank(lists, relevant, count))


def mean_average_precision(lists: Lists, relevant: Lists, count: int) -> float:
    """Σ over hits of the precision at their place, divided by min(number of relevant items, count)."""
    return mean(by_user.average_precision(lists, relevant, count))


def coverage(lists: Lists, item_count: int, count: int) -> float:
    """Distinct items in the first ``count`` of any list / ``item_count``."""
    shown = np.unique(lists[:, :count])
    return float((shown > 0).sum() / item_count) if item_count else 0.0
