"""What lists are like besides right: how even, how unexpected and how varied they are.

Lists are int32 [U, K] as in ``ranking``. Counts are int [N+1], interactions of each item row in what was learnt from;
row 0 is padding and ignored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.core.metrics.ranking import Lists

Counts = NDArray[np.integer]
Vectors = NDArray[np.floating]


def gini(lists: Lists, item_count: int, count: int) -> float:
    """How unevenly the first ``count`` places are shared among all items: 0 all alike, towards 1 one item has all.

    Σ_i (2i - N - 1) · x_i / (N · Σ x) with x_1 ≤ … ≤ x_N how often each item is shown. 0 if nothing is shown.
    """
    shown = np.sort(np.bincount(_shown(lists, count), minlength=item_count + 1)[1:])
    total = shown.sum()
    if total == 0:
        return 0.0
    places = np.arange(1, item_count + 1)
    return float(((2 * places - item_count - 1) * shown).sum() / (item_count * total))


def novelty(lists: Lists, counts: Counts, count: int) -> float:
    """Mean over the shown items of -log2((c_i + 1) / (C + N)) bits, C all interactions of the N items.

    How surprising it is that anybody takes the item; one is added to each count, so that new items are finite.
    """
    shown = _shown(lists, count)
    if not len(shown):
        return 0.0
    known = counts[1:]
    shares = (counts + 1.0) / (known.sum() + len(known))
    return float(-np.log2(shares[shown]).mean())


def long_tail_share(lists: Lists, counts: Counts, count: int, head_share: float = 0.8) -> float:
    """Share of the shown items that are not head items.

    The head is the fewest items, most taken first and equals by row, that together have ``head_share`` of all
    interactions.
    """
    shown = _shown(lists, count)
    total = counts[1:].sum()
    if not len(shown) or total == 0:
        return 0.0
    order = 1 + np.argsort(-counts[1:], kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    tail = np.ones(len(counts), dtype=np.bool_)
    tail[order[before < head_share * total]] = False
    return float(tail[shown].mean())


def intra_list_diversity(lists: Lists, vectors: Vectors, count: int) -> float:
    """Mean over users of the mean of 1 - cosine over all pairs of the first ``count`` items.

    vectors: float [N+1, D]; a vector of zeros is unlike everything (cosine 0). Users with fewer than two items are
    left out; 0 if that is all of them.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(norms > 0, norms, 1.0)
    total, users = 0.0, 0
    for row in lists[:, :count]:
        items = row[row > 0]
        if len(items) < 2:
            continue
        taken = units[items].astype(np.float64)
        # Σ over ordered pairs of cosines = |Σ v|² - Σ |v|².
        together = float(taken.sum(axis=0) @ taken.sum(axis=0) - (taken * taken).sum())
        total += 1.0 - together / (len(items) * (len(items) - 1))
        users += 1
    return total / users if users else 0.0


def _shown(lists: Lists, count: int) -> NDArray[np.int64]:
    top = lists[:, :count].astype(np.int64).ravel()
    return top[top > 0]
