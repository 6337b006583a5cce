"""Next-item cross-entropy over the whole catalogue, without ever holding all logits.

Forward computes loss and gradients chunk by chunk while a chunk's logits are in the cache; backward only scales.
About twice as fast as log_softmax and its autograd on CPU, in memory that does not grow with the positions.
"""

from __future__ import annotations

from typing import Any

import torch

_CHUNK = 512


class _FullSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        item_vectors: torch.Tensor,
        targets: torch.Tensor,
        seen_positions: torch.Tensor,
        seen_items: torch.Tensor,
    ) -> torch.Tensor:
        count = len(states)
        states_gradient = torch.empty_like(states)
        items_gradient = torch.zeros_like(item_vectors)
        starts = range(0, count, _CHUNK)
        cuts = torch.searchsorted(seen_positions, torch.tensor([*starts, count], device=seen_positions.device)).tolist()
        total = 0.0
        for chunk, start in enumerate(starts):
            part = states[start : start + _CHUNK]
            wanted = targets[start : start + _CHUNK, None]
            logits = part @ item_vectors.T
            logits[:, 0] = -torch.inf
            seen = slice(cuts[chunk], cuts[chunk + 1])
            logits[seen_positions[seen] - start, seen_items[seen]] = -torch.inf
            wanted_logits = logits.gather(1, wanted)
            highest = logits.amax(dim=1, keepdim=True)
            exponentials = logits.sub_(highest).exp_()
            sums = exponentials.sum(dim=1, keepdim=True)
            total += float((sums.log() + highest - wanted_logits).sum(dtype=torch.float64))
            gradient = exponentials.mul_(1.0 / (sums * count))
            gradient.scatter_add_(1, wanted, torch.full_like(wanted_logits, -1.0 / count))
            torch.mm(gradient, item_vectors, out=states_gradient[start : start + _CHUNK])
            items_gradient.addmm_(gradient.T, part)
        ctx.save_for_backward(states_gradient, items_gradient)
        return states.new_tensor(total / max(count, 1))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        states_gradient, items_gradient = ctx.saved_tensors
        return states_gradient * gradients[0], items_gradient * gradients[0], None, None, None


def full_softmax(
    states: torch.Tensor,
    item_vectors: torch.Tensor,
    targets: torch.Tensor,
    seen_positions: torch.Tensor,
    seen_items: torch.Tensor,
) -> torch.Tensor:
    """Mean cross-entropy of ``targets`` under softmax(states · item_vectorsᵀ), a scalar.

    states: float32 [P, D]; item_vectors: float32 [N+1, D], row 0 left out; targets: int64 [P] in 1..N.
    seen_positions, seen_items: int64 [S], positions ascending: pairs that are left out of the softmax (items the
    user has already taken, where nobody takes an item twice); they must not hold a target.
    """
    loss: torch.Tensor = _FullSoftmax.apply(states, item_vectors, targets, seen_positions, seen_items)  # type: ignore[no-untyped-call]
    return loss
