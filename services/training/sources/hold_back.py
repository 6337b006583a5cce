"""What an iteratively fitted source keeps back of its log, to choose the moment to stop by."""

from __future__ import annotations

import numpy as np

from services.core.sources.source import History, Source
from services.training.steps.examples import HeldOut, InteractionLog

_LEAST_HISTORY = 2


def hold_back(log: InteractionLog, most_users: int) -> HeldOut:
    """Hold out the last interaction of some users, evenly spread: every other one who has three, if not too many."""
    users = np.flatnonzero(np.diff(log.starts) > _LEAST_HISTORY).astype(np.int32)
    count = min(most_users, (len(users) + 1) // 2)
    users = users[np.linspace(0, len(users) - 1, count).astype(np.int64)] if count else users[:0]
    last = log.starts[users + 1] - 1
    kept = np.ones(len(log), dtype=np.bool_)
    kept[last] = False
    return HeldOut(log.only(kept), users, log.rows[last])


def ndcg(source: Source, held: HeldOut, count: int = 10) -> float:
    """NDCG@count of the source's scores over all items that the user has not taken, one relevant each."""
    total = 0.0
    for user, target in zip(held.users, held.targets, strict=True):
        taken = held.log.sequence(int(user))
        scores = source.score(History.of(taken)).copy()
        scores[taken] = -np.inf
        rank = int((scores > scores[target]).sum())
        if rank < count and scores[target] > -np.inf:
            total += float(1.0 / np.log2(rank + 2))
    return total / max(len(held.users), 1)
