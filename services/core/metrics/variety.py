"""What lists are like besides right: how even, how unexpected and how varied they are.

Lists are int32 [U, K] as in ``ranking``. Counts are int [N+1], interactions of each item row in what was learnt from;
row 0 is padding and ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.core.metrics.by_user import Lists

Counts = NDArray[np.integer]
Vectors = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class SparseVectors:
    """Vectors float [N+1, D] of which most numbers are 0: row r has ``weights`` at ``codes``, of starts[r]:starts[r+1].

    starts: int64 [N+2]. codes: int [A] in 0..count-1, distinct within a row. weights: float [A]. count: D.
    """

    starts: NDArray[np.int64]
    codes: NDArray[np.integer]
    weights: Vectors
    count: int

    def rows(self) -> NDArray[np.int64]:
        """int64 [A]: the row of each number."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


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


def attribute_diversity(lists: Lists, attributes: SparseVectors, count: int) -> float:
    """``intra_list_diversity`` where most numbers of the items' vectors are 0: attributes, with their weights."""
    top = lists[:, :count].astype(np.int64)
    sizes = (top > 0).sum(axis=1)
    varied = sizes >= 2
    if not varied.any():
        return 0.0
    owners, items = np.nonzero(top * varied[:, None])[0], top[varied]
    items = items[items > 0]
    norms = np.sqrt(np.bincount(attributes.rows(), weights=attributes.weights**2, minlength=len(attributes.starts) - 1))
    lengths = np.diff(attributes.starts)[items]
    # Places in the columns of every attribute of every shown item.
    firsts = np.repeat(attributes.starts[items] - np.cumsum(lengths) + lengths, lengths)
    places = firsts + np.arange(lengths.sum())
    weights = attributes.weights[places] / np.maximum(np.repeat(norms[items], lengths), 1e-30)
    users = np.repeat(owners, lengths)
    pairs, inverse = np.unique(users * attributes.count + attributes.codes[places], return_inverse=True)
    sums = np.bincount(inverse, weights=weights, minlength=len(pairs))
    squares = np.bincount(pairs // attributes.count, weights=sums**2, minlength=len(lists))
    own = np.bincount(users, weights=weights**2, minlength=len(lists))
    together = (squares - own)[varied] / (sizes * (sizes - 1))[varied]
    return float(1.0 - together.mean())


def _shown(lists: Lists, count: int) -> NDArray[np.int64]:
    top = lists[:, :count].astype(np.int64).ravel()
    return top[top > 0]
