"""Next-item cross-entropy against sampled negatives, corrected for how likely each was to be sampled.

One set of negatives serves all positions of a step, so the logits are one matrix product. Subtracting the log of
the expected count makes the sampled loss estimate the full one instead of one that punishes frequent items.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional


class NegativeSampler:
    """Draws items with probability half uniform, half proportional to frequency."""

    def __init__(self, frequencies: NDArray[np.float64]) -> None:
        """frequencies: float64 [N+1], interaction counts; row 0 is never drawn."""
        counts = frequencies.copy()
        counts[0] = 0
        uniform = np.ones_like(counts)
        uniform[0] = 0
        self._shares = 0.5 * counts / max(counts.sum(), 1.0) + 0.5 * uniform / max(uniform.sum(), 1.0)
        self._shares /= self._shares.sum()
        self._cumulative = np.cumsum(self._shares)
        self._cumulative[-1] = 1.0

    def draw(self, count: int, generator: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Distinct items int64 [S ≤ count] and the log of how often each was expected in the draw, float32 [S]."""
        drawn = np.unique(np.searchsorted(self._cumulative, generator.random(count), side="right"))
        expected = -np.expm1(count * np.log1p(-self._shares[drawn]))
        return torch.from_numpy(drawn), torch.from_numpy(np.log(expected).astype(np.float32))


def sampled_softmax(
    states: torch.Tensor,
    item_vectors: torch.Tensor,
    targets: torch.Tensor,
    seen_positions: torch.Tensor,
    seen_items: torch.Tensor,
    negatives: torch.Tensor,
    log_expected: torch.Tensor,
) -> torch.Tensor:
    """Mean cross-entropy of ``targets`` against ``negatives`` int64 [S], a scalar; the rest as in full_softmax."""
    negative_logits = states @ functional.embedding(negatives, item_vectors).T - log_expected
    target_logits = (states * functional.embedding(targets, item_vectors)).sum(dim=1, keepdim=True)
    # Neither a position's own target nor what its user has taken may stand against it.
    place = torch.full((len(item_vectors),), -1, dtype=torch.int64)
    place[negatives] = torch.arange(len(negatives))
    positions = torch.cat([torch.arange(len(targets)), seen_positions])
    columns = place[torch.cat([targets, seen_items])]
    hit = columns >= 0
    masked = torch.zeros(negative_logits.shape, dtype=torch.bool)
    masked[positions[hit], columns[hit]] = True
    logits = torch.cat([target_logits, negative_logits.masked_fill(masked, -torch.inf)], dim=1)
    return (torch.logsumexp(logits, dim=1) - target_logits[:, 0]).mean()
