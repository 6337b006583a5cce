"""Heads beside the score: what a user who takes an item would do with it. A rating, or events of further types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from services.core.history_events import TYPE, VALUE, VALUE_KNOWN
from services.training.model.ridge import solve

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
    """raw = bias + b_i + a·m_ui + w·u + (U u)·(V e_i), for every head; u the user vector, e_i the item's.

    Of a type's head m_ui is the mean of the history's indicators less their share, drawn towards 0. Of a rating head
    it is x_u · (1, q_i): the user's bias and factors x_u are the ridge regression of the history's ratings, less the
    b of the items rated, on these items' factors q (biased matrix factorisation, Koren, Bell, Volinsky 2009). So a
    user has factors by their ratings alone, whether or not they were there in training.
    A rating is mean + deviation · raw, a probability sigmoid(log-odds of the share + raw).
    """

    def __init__(
        self,
        heads: Sequence[ActionHead],
        item_count: int,
        width: int,
        factors: torch.Tensor | None = None,
        penalties: torch.Tensor | None = None,
    ) -> None:
        """factors: float32 [N+1, R], the q of a rating head. penalties: float32 [1+R] of the squares of x_u."""
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
        factors = torch.zeros(item_count + 1, 0) if factors is None else factors
        # What the ratings of a history are regressed on: 1 and the item's factors.
        self.regressors = nn.Buffer(torch.cat([torch.ones(item_count + 1, 1), factors], dim=1))
        penalties = torch.full((self.regressors.shape[1],), _PRIOR) if penalties is None else penalties
        self.penalties = nn.Buffer(torch.diag(penalties))
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
        """m_u of sums of signals and of how much they say, float32 [..., H]; of types."""
        return sums / (counts + _PRIOR)

    def taste(self, squares: torch.Tensor, wanted: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """x_u · (1, q_i), float32 [..., 1], of items int64 [...] and sums over the history.

        squares: [..., 1+R, 1+R], of the regressors' outer products. wanted: [..., 1+R], of signals times regressors.
        """
        taste: torch.Tensor = (solve(squares + self.penalties, wanted) * self.regressors[rows]).sum(-1, keepdim=True)
        return taste

    def rating_of(self, signals: torch.Tensor) -> torch.Tensor:
        """float32 [..., 1]: what is of the rating head, of [..., H]; 0 without one."""
        return (signals * self.is_rating).sum(dim=-1, keepdim=True)

    def both(self, means: torch.Tensor, taste: torch.Tensor) -> torch.Tensor:
        """m_ui, float32 [..., H], of the types' m_u [..., H] and the taste [..., 1]."""
        return means * (1 - self.is_rating) + taste * self.is_rating

    def raw(self, users: torch.Tensor, means: torch.Tensor, rows: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """float32 [..., H] of user vectors [..., D], their m_ui [..., H], items int64 [...] and vectors [..., D]."""
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
        rated, regressors = self.rating_of(known), self.regressors[history_items]
        squares = torch.matmul((regressors * rated).transpose(1, 2), regressors)
        wanted = (regressors * self.rating_of(signals)).sum(dim=1)
        factors = solve(squares + self.penalties, wanted)
        taste = torch.matmul(self.regressors[candidate_items], factors[:, :, None])
        means = self.mean_of(signals.sum(dim=1), known.sum(dim=1))[:, None]
        raw = self.raw(users[:, None], self.both(means, taste), candidate_items, candidate_vectors)
        ratings = torch.minimum(torch.maximum(self.means + self.deviations * raw, self.least), self.most)
        out: torch.Tensor = ratings * self.is_rating + torch.sigmoid(self.log_odds + raw) * (1 - self.is_rating)
        return out
