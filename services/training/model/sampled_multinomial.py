"""Log likelihood of all that a user took under one softmax over the catalogue, of which a sample is computed."""

from __future__ import annotations

import torch


def sampled_multinomial(
    states: torch.Tensor,
    item_vectors: torch.Tensor,
    item_bias: torch.Tensor,
    owners: torch.Tensor,
    items: torch.Tensor,
    negatives: torch.Tensor,
    log_expected: torch.Tensor,
) -> torch.Tensor:
    """Minus the mean over users of Σ log softmax(states · item_vectorsᵀ + item_bias) over the items each took.

    states: float32 [U, D]; item_vectors: float32 [N+1, D]; item_bias: float32 [N+1]. owners, items: int64 [P], user
    and item of each interaction, no pair twice. negatives: int64 [S], distinct; log_expected: float32 [S], log of
    how often each was expected in the sample: 0 where all items are taken, and the likelihood is the exact one.
    The sum over the catalogue is a user's own items, exactly, and the other items' estimate from the sample.
    """
    users = len(states)
    logits = states @ item_vectors[negatives].T + item_bias[negatives] - log_expected
    own = (states[owners] * item_vectors[items]).sum(dim=1) + item_bias[items]
    place = torch.full((len(item_vectors),), -1, dtype=torch.int64)
    place[negatives] = torch.arange(len(negatives))
    columns = place[items]
    hit = columns >= 0
    masked = torch.zeros(logits.shape, dtype=torch.bool)
    masked[owners[hit], columns[hit]] = True
    others = torch.logsumexp(logits.masked_fill(masked, -torch.inf), dim=1)
    with torch.no_grad():
        highest = others.scatter_reduce(0, owners, own, "amax")
    own_sums = torch.zeros(users).index_add(0, owners, torch.exp(own - highest[owners]))
    normalisers = highest + torch.log(torch.exp(others - highest) + own_sums)
    return (normalisers[owners] - own).sum() / users
