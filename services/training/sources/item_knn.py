"""Fits item neighbours: BM25-weighted co-occurrence of items over users."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from services.core.bundle import BundleDraft
from services.core.sources.item_knn import NEIGHBOURS, WEIGHTS, ItemKnnSource
from services.training.sources.strongest import strongest
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig

_BLOCK_ROWS = 1024


def fit(log: InteractionLog, config: TrainingConfig) -> ItemKnnSource:
    """w(i → j) = Σ over users of bm25(i, u) · bm25(j, u), the K largest kept for every i.

    An item is a document and its users are the terms: a user who takes everything says little (inverse document
    frequency), an item that everybody takes is toned down (length penalty).
    """
    settings = config.item_knn
    items, users = log.item_count + 1, log.user_count
    taken = sparse.csr_matrix((np.ones(len(log)), (log.rows, log.users())), shape=(items, users))
    taken.sum_duplicates()
    lengths = np.asarray(taken.sum(axis=1)).ravel()
    popularity_of_user = np.bincount(taken.indices, minlength=users)
    rarity = np.log(items) - np.log1p(popularity_of_user)
    mean_length = lengths[1:].mean() if log.item_count else 1.0
    penalty = 1.0 - settings.length_penalty + settings.length_penalty * lengths / max(mean_length, 1e-9)
    counts = taken.data
    saturated = (
        counts
        * (settings.saturation + 1.0)
        / (settings.saturation * np.repeat(penalty, np.diff(taken.indptr)) + counts)
    )
    taken.data = (saturated * np.maximum(rarity[taken.indices], 0.0)).astype(np.float64)
    transposed = taken.T.tocsr()
    blocks = [
        strongest((taken[start : start + _BLOCK_ROWS] @ transposed).tocsr(), settings.neighbours, start)
        for start in range(0, items, _BLOCK_ROWS)
    ]
    neighbours, weights = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return ItemKnnSource(neighbours, weights)


def save(source: ItemKnnSource, draft: BundleDraft) -> None:
    """Write the arrays that ItemKnnSource.load reads."""
    draft.save_array(NEIGHBOURS, source.neighbours)
    draft.save_array(WEIGHTS, source.weights)
