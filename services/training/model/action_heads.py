"""Heads beside the score: what a user who takes an item would do with it. A rating, or events of further types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from services.core.history_events import TYPE, VALUE, VALUE_KNOWN

_RANK = 8
# Events of the average user that each user's own mean is mixed with: few say little.
_PRIOR = 5.0


@dataclass(frozen=True, slots=True)
class ActionHead:
    """One head.

    type: number of the event type whose probability is foretold; None: the rating is. mean: of the ratings, or the
    share of the type. deviation, least, most: of the ratings.
    """

    name: str
    type: int | None
    mean: float
    deviation: float = 1.0
    least: float = 0.0
    most: float = 1.0


class ActionHeads(nn.Module):
    """raw = bias + b_i + a·m_u + w·u + (U u)·(V e_i), for every head; u the user vector, e_i the item's.

    m_u is the mean of the history, drawn towards that of everybody: of a rating head of the ratings' deviations less
    the b of the items rated, of a type's head of its indicator less its share. So biases of users and items and their
    factors are there as in matrix factorisation (Koren, Bell, Volinsky 2009), with vectors that the encoder has learnt.
    A rating is mean + deviation · raw, a probability sigmoid(log-odds of the share + raw).
    """

    def __init__(self, heads: Sequence[ActionHead], item_count: int, width: int) -> None:
        super().__init__()
        self.heads = tuple(heads)
        count = len(self.heads)
        self._count = count
        self.item_bias = nn.Parameter(torch.zeros(item_count + 1, count))
        self.bias = nn.Parameter(torch.zeros(count))
        self.of_mean = nn.Parameter(torch.ones(count))
        self.of_user = nn.Parameter(torch.zeros(width, count))
        self.user_side = nn.Parameter(torch.randn(width, count * _RANK) * width**-0.5)
        self.item_side = nn.Parameter(torch.zeros(width, count * _RANK))
        shares = torch.tensor([head.mean for head in self.heads])
        self.is_rating = nn.Buffer(torch.tensor([float(head.type is None) for head in self.heads]))
        self.means = nn.Buffer(shares)
        self.deviations = nn.Buffer(torch.tensor([head.deviation for head in self.heads]))
        self.least = nn.Buffer(torch.tensor([head.least for head in self.heads]))
        self.most = nn.Buffer(torch.tensor([head.most for head in self.heads]))
        self.types = nn.Buffer(torch.tensor([float(head.type or -1) for head in self.heads]))
        inner = shares.clamp(1e-4, 1 - 1e-4)
        self.log_odds = nn.Buffer(torch.log(inner / (1 - inner)) * (1 - self.is_rating))

    def signals(self, items: torch.Tensor, events: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the events of a history say to each head, and how much (0 or 1), float32 [..., H] both."""
        there = (items > 0).to(events.dtype)[..., None]
        value, rated = events[..., VALUE : VALUE + 1], events[..., VALUE_KNOWN : VALUE_KNOWN + 1]
        kind = events[..., TYPE : TYPE + 1]
        of_rating = (value - self.means) / self.deviations - self.item_bias[items]
        of_type = (kind == self.types).to(events.dtype) - self.means
        known = there * (rated * self.is_rating + (kind > 0).to(events.dtype) * (1 - self.is_rating))
        return (of_rating * self.is_rating + of_type * (1 - self.is_rating)) * known, known

    def mean_of(self, sums: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """m_u of sums of signals and of how much they say, float32 [..., H]."""
        return sums / (counts + _PRIOR)

    def raw(self, users: torch.Tensor, means: torch.Tensor, rows: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """float32 [..., H] of user vectors [..., D], their m_u [..., H], items int64 [...] and vectors [..., D]."""
        sided = (users @ self.user_side) * (vectors @ self.item_side)
        factors = sided.reshape(*sided.shape[:-1], self._count, _RANK).sum(dim=-1)
        out: torch.Tensor = self.bias + self.item_bias[rows] + self.of_mean * means + users @ self.of_user + factors
        return out

    def forward(
        self,
        history_items: torch.Tensor,
        history_events: torch.Tensor,
        users: torch.Tensor,
        candidate_items: torch.Tensor,
        candidate_vectors: torch.Tensor,
    ) -> torch.Tensor:
        """float32 [B, C, H], ratings and probabilities, of candidates int64 [B, C] with vectors [B, C, D]."""
        signals, known = self.signals(history_items, history_events)
        means = self.mean_of(signals.sum(dim=1), known.sum(dim=1))
        raw = self.raw(users[:, None], means[:, None], candidate_items, candidate_vectors)
        ratings = torch.minimum(torch.maximum(self.means + self.deviations * raw, self.least), self.most)
        out: torch.Tensor = ratings * self.is_rating + torch.sigmoid(self.log_odds + raw) * (1 - self.is_rating)
        return out
