"""One Transformer block: pre-norm attention and a SwiGLU feed-forward, both behind learnt gates (LiGR)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from services.training.model.dropout import Dropout, RandomBytes


class Attention(nn.Module):
    """Multi-head self-attention whose only notion of order is a learnt bias per head and distance.

    The distance is counted from the query backwards, so a history means the same whatever stands before it:
    padding length does not matter, and every position of a training sequence is a full serving example.
    """

    def __init__(self, width: int, heads: int, max_history: int) -> None:
        super().__init__()
        self._heads, self._width = heads, width
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.output = nn.Linear(width, width)
        self.distance_bias = nn.Parameter(torch.zeros(heads, max_history))

    def forward(self, queries: torch.Tensor, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Queries [B, Q, D] look at states [B, T, D] under an additive bias [B or 1, H, Q, T] → [B, Q, D]."""
        # Sizes come from attributes, not from shapes: so they are constants in the exported graph.
        heads, head_width = self._heads, self._width // self._heads
        query = self.query(queries).unflatten(-1, (heads, head_width)).transpose(1, 2)
        key_value = self.key_value(states).unflatten(-1, (2 * heads, head_width)).transpose(1, 2)
        key, value = key_value[:, :heads], key_value[:, heads:]
        weights = torch.softmax(query @ key.transpose(2, 3) * head_width**-0.5 + bias, dim=-1)
        attended: torch.Tensor = self.output((weights @ value).transpose(1, 2).flatten(2))
        return attended


class Block(nn.Module):
    """x + gate·attention(norm x), then x + gate·feed-forward(norm x)."""

    def __init__(
        self, width: int, heads: int, hidden: int, max_history: int, dropout: float, random_bytes: RandomBytes
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads, max_history)
        self.attention_gate = nn.Linear(width, width)
        self._hidden = hidden
        self.feed_norm = nn.LayerNorm(width)
        self.feed_in = nn.Linear(width, 2 * hidden, bias=False)
        self.feed_out = nn.Linear(hidden, width, bias=False)
        self.feed_gate = nn.Linear(width, width)
        self.dropout = Dropout(dropout, random_bytes)

    def forward(self, states: torch.Tensor, bias: torch.Tensor, last_only: bool = False) -> torch.Tensor:
        """States [B, T, D] → [B, T, D], or [B, 1, D] if only the last position is wanted."""
        normed = self.attention_norm(states)
        asking = normed[:, -1:] if last_only else normed
        kept = states[:, -1:] if last_only else states
        attended = self.attention(asking, normed, bias) * torch.sigmoid(self.attention_gate(asking))
        kept = kept + self.dropout(attended)
        normed = self.feed_norm(kept)
        fed_in = self.feed_in(normed)
        gate, signal = fed_in[..., : self._hidden], fed_in[..., self._hidden :]
        fed = self.feed_out(self.dropout(functional.silu(gate) * signal))
        out: torch.Tensor = kept + self.dropout(fed * torch.sigmoid(self.feed_gate(normed)))
        return out
