"""Linear systems inside a graph: ONNX has no solver, conjugate gradients are products and sums."""

from __future__ import annotations

import torch

_SMALL = 1e-12


def solve(squares: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """X float32 [..., K] with squares · x = wanted, of symmetric positive matrices [..., K, K] and [..., K].

    Conjugate gradients (Hestenes, Stiefel 1952) end after K steps, but for rounding.
    """
    found = torch.zeros_like(wanted)
    rest = direction = wanted
    length = (rest * rest).sum(dim=-1, keepdim=True)
    for _ in range(squares.shape[-1]):
        pushed = torch.matmul(squares, direction[..., None])[..., 0]
        step = length / ((direction * pushed).sum(dim=-1, keepdim=True) + _SMALL)
        found = found + step * direction
        rest = rest - step * pushed
        before, length = length, (rest * rest).sum(dim=-1, keepdim=True)
        direction = rest + length / (before + _SMALL) * direction
    return found
