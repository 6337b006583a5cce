"""Fits user neighbours: nothing is learnt, the users' sets of items are stored both ways, the items weighted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.core.bundle import BundleDraft
from services.core.sources.user_knn import (
    CONFIG,
    ITEM_STARTS,
    ITEM_USERS,
    ITEM_WEIGHTS,
    USER_ITEMS,
    USER_STARTS,
    UserKnnSource,
)
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig


def fit(log: InteractionLog, config: TrainingConfig) -> UserKnnSource:
    """w_i = log((1 + U) / n_i)^rarity with n_i the users of item i: rarity 0 compares sets, 2 tf-idf vectors.

    Stored are the ``users`` who were active last, of each the newest ``items_per_user``, and for each item the
    ``users_per_item`` of them who were active last.
    """
    settings = config.user_knn
    items = log.item_count + 1
    stored = _last_active(log, settings.users)
    number = np.zeros(log.user_count, dtype=np.int64)
    number[stored] = np.arange(1, len(stored) + 1)
    users, rows = _newest(number[log.users()], log, settings.items_per_user)
    by_user = sparse.csr_matrix((np.ones(len(rows)), (users, rows)), shape=(len(stored) + 1, items))
    by_user.sum_duplicates()
    takers = np.bincount(by_user.indices, minlength=items)
    rarity = np.log(max(len(stored), 1) + 1.0) - np.log(np.maximum(takers, 1))
    weights = (rarity**settings.rarity).astype(np.float32)
    weights[0] = 0.0
    by_item = by_user.T.tocsr()
    by_item.sort_indices()
    return UserKnnSource(
        _shortened(by_item, settings.users_per_item),
        (by_user.indptr.astype(np.int64), by_user.indices.astype(np.int32)),
        weights,
        settings.neighbours,
        settings.decay,
    )


def save(source: UserKnnSource, draft: BundleDraft) -> None:
    """Write the arrays that UserKnnSource.load reads."""
    draft.save_array(ITEM_STARTS, source.item_starts)
    draft.save_array(ITEM_USERS, source.item_users)
    draft.save_array(USER_STARTS, source.user_starts)
    draft.save_array(USER_ITEMS, source.user_items)
    draft.save_array(ITEM_WEIGHTS, source.item_weights)
    draft.save_json(CONFIG, {"neighbours": source.neighbours, "decay": source.decay})


def _last_active(log: InteractionLog, count: int) -> NDArray[np.int64]:
    """Users with any interaction, that of the newest last interaction first, equals by number: int64 [≤ count]."""
    active = np.flatnonzero(np.diff(log.starts))
    last = log.times[log.starts[active + 1] - 1]
    return active[np.argsort(-last, kind="stable")[:count]]


def _newest(numbers: NDArray[np.int64], log: InteractionLog, count: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Numbers and item rows of the newest ``count`` interactions of every stored user (whose number is not 0)."""
    ends = np.repeat(log.starts[1:], np.diff(log.starts))
    kept = (numbers > 0) & (ends - np.arange(len(log)) <= count)
    return numbers[kept], log.rows[kept]


def _shortened(by_item: sparse.csr_matrix, count: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Starts and users of every item, the lowest ``count`` numbers of each."""
    counts = np.diff(by_item.indptr)
    places = np.arange(by_item.nnz) - np.repeat(by_item.indptr[:-1], counts)
    starts = np.concatenate([[0], np.cumsum(np.minimum(counts, count))]).astype(np.int64)
    return starts, by_item.indices[places < count].astype(np.int32)
