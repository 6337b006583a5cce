"""Mult-VAE: the network of Liang et al. 2018, its decoder asked for some items at a time."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

_DEVIATION = 0.01


class MultVae(nn.Module):
    """Items taken → tanh layer → latent normal (mean, log variance) → tanh layer → a logit for every item."""

    def __init__(self, item_count: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.input_vectors = nn.Parameter(torch.randn(item_count + 1, hidden) * _DEVIATION)
        self.input_bias = nn.Parameter(torch.zeros(hidden))
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)
        self.hidden = nn.Linear(latent, hidden)
        self.output_vectors = nn.Parameter(torch.randn(item_count + 1, hidden) * _DEVIATION)
        self.output_bias = nn.Parameter(torch.zeros(item_count + 1))
        nn.init.normal_(self.log_variance.weight, std=1e-3)

    def encode(
        self, items: torch.Tensor, starts: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance float32 [U, latent]; user u took items[starts[u]:starts[u+1]], int64, so weighted."""
        taken = functional.embedding_bag(items, self.input_vectors, starts[:-1], mode="sum", per_sample_weights=weights)
        state = torch.tanh(taken + self.input_bias)
        return self.mean(state), self.log_variance(state)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """float32 [U, H]: what the items' output vectors are multiplied with."""
        return torch.tanh(self.hidden(latent))
