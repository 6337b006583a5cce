"""The items that a softmax is computed over: a corrected sample of a large catalogue, all of a small one."""

from __future__ import annotations

import numpy as np
import torch

from services.training.model.sampled_softmax import NegativeSampler
from services.training.steps.examples import InteractionLog


class CatalogueSample:
    """Draws ``count`` items of a log's catalogue, or takes all where there are no more."""

    def __init__(self, log: InteractionLog, count: int) -> None:
        self._count = count
        self._all = torch.arange(1, log.item_count + 1)
        frequencies = np.bincount(log.rows, minlength=log.item_count + 1).astype(np.float64)
        self._sampler = NegativeSampler(frequencies) if count < log.item_count else None

    def draw(self, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Distinct items int64 [S] and the log of how often each was expected, float32 [S], 0 where all are taken."""
        if self._sampler is None:
            return self._all, torch.zeros(len(self._all))
        return self._sampler.draw(self._count, random)
