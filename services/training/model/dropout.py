"""Dropout that draws its masks from fast random bytes.

torch draws CPU dropout masks from a sequential Mersenne twister: a fifth of a training step. One byte an element
from SFC64 costs almost nothing, at the price of a rate that is a multiple of 1/256.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn


class RandomBytes:
    """A stream of random bytes shared by all dropouts of a model."""

    def __init__(self) -> None:
        self.restart(0)
        self.share: tuple[int, int, int] | None = None
        """First and last (exclusive) of how many rows the values are, where other processes have the others."""

    def restart(self, *seed: int) -> None:
        """Begin the stream that belongs to ``seed``."""
        self._generator = np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed)))

    def draw(self, shape: torch.Size) -> torch.Tensor:
        """Uniform uint8 of that shape; those of its share, if the values are a share of the rows."""
        start, end, rows = self.share or (0, shape[0], shape[0])
        whole = (rows, *shape[1:])
        drawn = np.frombuffer(bytearray(self._generator.bytes(math.prod(whole))), dtype=np.uint8)
        return torch.from_numpy(drawn).view(whole)[start:end]


class Dropout(nn.Module):
    """Zeroes elements with probability ``rate`` while training and scales the others to keep the mean."""

    def __init__(self, rate: float, random_bytes: RandomBytes) -> None:
        super().__init__()
        self._threshold = round(rate * 256)
        self._random_bytes = random_bytes

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Any shape in, the same out."""
        if not self.training or self._threshold == 0:
            return values
        kept = self._random_bytes.draw(values.shape).to(values.device) >= self._threshold
        return values * (kept.to(values.dtype) * (256 / (256 - self._threshold)))
