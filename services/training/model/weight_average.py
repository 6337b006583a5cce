"""A running average of a model's weights: less noisy than the weights of the last step."""

from __future__ import annotations

import torch
from torch import nn


class WeightAverage:
    """Exponential average over steps, faster at the start so that the first weights are soon forgotten."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self.steps = 0
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take the model's weights of this step in."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        averages = list(self.weights.values())
        torch._foreach_lerp_(averages, [value.detach() for value in model.state_dict().values()], 1 - decay)

    def snapshot(self) -> dict[str, torch.Tensor]:
        """A copy of the averaged weights."""
        return {name: value.clone() for name, value in self.weights.items()}
