"""Next-item cross-entropy against sampled negatives, corrected for how likely each was to be sampled.

One set of negatives serves all positions of a step, so the logits are one matrix product. Subtracting the log of
the expected count makes the sampled loss estimate the full one instead of one that punishes frequent items.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional


class _SampledSoftmax(torch.autograd.Function):
    """Computes the gradients in the forward pass, in the memory of the logits; backward only scales."""

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        negative_vectors: torch.Tensor,
        target_vectors: torch.Tensor,
        log_expected: torch.Tensor,
        masked_positions: torch.Tensor,
        masked_columns: torch.Tensor,
    ) -> torch.Tensor:
        count = max(len(states), 1)
        logits = torch.mm(states, negative_vectors.T).sub_(log_expected)
        logits[masked_positions, masked_columns] = -torch.inf
        wanted = (states * target_vectors).sum(dim=1, keepdim=True)
        highest = wanted if logits.shape[1] == 0 else torch.maximum(logits.amax(dim=1, keepdim=True), wanted)
        exponentials = logits.sub_(highest).exp_()
        of_target = (wanted - highest).exp_()
        sums = exponentials.sum(dim=1, keepdim=True).add_(of_target)
        loss = (sums.log() + highest - wanted).sum(dtype=torch.float64) / count
        gradient = exponentials.mul_(1.0 / (sums * count))
        target_gradient = (of_target / sums - 1.0) / count
        ctx.save_for_backward(
            torch.addmm(target_gradient * target_vectors, gradient, negative_vectors),
            torch.mm(gradient.T, states),
            target_gradient * states,
        )
        return loss.to(states.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return *(saved * gradients[0] for saved in ctx.saved_tensors), None, None, None


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
    negative_vectors = functional.embedding(negatives, item_vectors)
    target_vectors = functional.embedding(targets, item_vectors)
    # Neither a position's own target nor what its user has taken may stand against it.
    place = torch.full((len(item_vectors),), -1, dtype=torch.int64, device=states.device)
    place[negatives] = torch.arange(len(negatives), device=states.device)
    positions = torch.cat([torch.arange(len(targets), device=states.device), seen_positions])
    columns = place[torch.cat([targets, seen_items])]
    hit = columns >= 0
    loss: torch.Tensor = _SampledSoftmax.apply(  # type: ignore[no-untyped-call]
        states, negative_vectors, target_vectors, log_expected, positions[hit], columns[hit]
    )
    return loss
