"""The encoder alone on held-out interactions: user vectors of many histories, and NDCG over the whole catalogue."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from services.core.history_events import FEATURES
from services.training.model.encoder import SequenceEncoder
from services.training.steps.examples import HeldOut, Int32, InteractionLog

_BATCH_USERS = 64


@torch.no_grad()
def user_vectors(encoder: SequenceEncoder, log: InteractionLog, users: Int32) -> NDArray[np.float32]:
    """float32 [U, D], a vector for every user's history in the log, cut to the newest that the encoder reads."""
    encoder = encoder.folded()
    order_tables = encoder.order_tables()
    longest = encoder.shape.max_history
    vectors = np.zeros((len(users), encoder.shape.width), dtype=np.float32)
    lengths = np.minimum(np.diff(log.starts)[users], longest)
    # Histories of like length share a batch, so that little padding is computed.
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), _BATCH_USERS):
        batch = order[start : start + _BATCH_USERS]
        length = max(1, int(lengths[batch].max()))
        items = np.zeros((len(batch), length), dtype=np.int64)
        events = np.zeros((len(batch), length, len(FEATURES)), dtype=np.float32)
        for place, number in enumerate(batch):
            if filled := int(lengths[number]):
                items[place, -filled:], events[place, -filled:] = log.newest(int(users[number]), filled)
        batch_vectors = encoder.user_vectors(torch.from_numpy(items), torch.from_numpy(events), order_tables)
        vectors[batch] = batch_vectors.numpy()
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
    vectors = user_vectors(encoder, split.log, users)
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
