"""The encoder alone on held-out interactions: user vectors of many histories, and NDCG over the whole catalogue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from services.training.model.encoder import SequenceEncoder
from services.training.steps.examples import HeldOut, Int32

_BATCH_USERS = 64


@torch.no_grad()
def user_vectors(encoder: SequenceEncoder, histories: Sequence[Int32]) -> NDArray[np.float32]:
    """float32 [U, D], a vector for every history (int32, oldest first, cut to the newest that the encoder reads)."""
    encoder = encoder.folded()
    order_tables = encoder.order_tables()
    longest = encoder.shape.max_history
    vectors = np.zeros((len(histories), encoder.shape.width), dtype=np.float32)
    # Histories of like length share a batch, so that little padding is computed.
    order = np.argsort([len(history) for history in histories], kind="stable")
    for start in range(0, len(order), _BATCH_USERS):
        users = order[start : start + _BATCH_USERS]
        length = max(1, min(longest, max(len(histories[user]) for user in users)))
        items = np.zeros((len(users), length), dtype=np.int64)
        for place, user in enumerate(users):
            newest = histories[user][-length:]
            items[place, length - len(newest) :] = newest
        vectors[users] = encoder.user_vectors(torch.from_numpy(items), order_tables).numpy()
    return vectors


def encoder_ndcg(encoder: SequenceEncoder, split: HeldOut, most_users: int, count: int = 10) -> float:
    """NDCG@count of the encoder's inner products over all items that the user has not taken, one relevant each."""
    users, targets = split.users, split.targets
    if len(users) > most_users:
        chosen = np.linspace(0, len(users) - 1, most_users).astype(np.int64)
        users, targets = users[chosen], targets[chosen]
    if len(users) == 0:
        return 0.0
    histories = [split.log.sequence(int(user)) for user in users]
    encoder = encoder.folded()
    vectors = user_vectors(encoder, histories)
    items = encoder.items.weight.detach().numpy()
    total = 0.0
    for start in range(0, len(users), _BATCH_USERS):
        scores = vectors[start : start + _BATCH_USERS] @ items.T
        scores[:, 0] = -np.inf
        for place in range(len(scores)):
            scores[place, histories[start + place]] = -np.inf
        wanted = targets[start : start + len(scores)]
        reached = scores[np.arange(len(scores)), wanted][:, None]
        ranks = (scores > reached).sum(axis=1)
        # A repeated item was ruled out above and cannot be found.
        found = (ranks < count) & np.isfinite(reached[:, 0])
        total += float((found / np.log2(ranks + 2)).sum())
    return total / len(users)
