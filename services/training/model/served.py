"""The two graphs that Triton serves, as torch modules ready for export."""

from __future__ import annotations

import torch
from torch import nn

from services.training.model.action_heads import ActionHeads
from services.training.model.blend import Blend
from services.training.model.encoder import SequenceEncoder


class ServedUserEncoder(nn.Module):
    """history_items int64 [B, L], history_events float32 [B, L, 4] → user_vectors float32 [B, D]."""

    def __init__(self, encoder: SequenceEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.order_tables = nn.ParameterList(encoder.order_tables())

    def forward(self, history_items: torch.Tensor, history_events: torch.Tensor) -> torch.Tensor:
        """Run the encoder on left-padded histories."""
        return self.encoder.user_vectors(history_items, history_events, list(self.order_tables))


class ServedRanker(nn.Module):
    """User, candidates and their source scores → float32 [B, C, 2 + H]: "engage", "engage_probability" and actions.

    The first is the score that orders, the second the calibrated probability that the candidate is taken next, the
    others what the user would do with it (see ``ActionHeads``).

    The user's vector is the served user encoder's, asked for the candidates already: the Transformer runs once.
    A candidate meets the history only as an inner product and its features only by themselves, so its score does
    not depend on which others are ranked with it.
    """

    def __init__(
        self,
        encoder: SequenceEncoder,
        blend: Blend,
        scale: float = 1.0,
        offset: float = 0.0,
        actions: ActionHeads | None = None,
        newcomers: tuple[int, float, float] | None = None,
    ) -> None:
        """scale, offset: of the calibration, log-odds = scale · score + offset.

        newcomers: the feature that is the logit itself, and the line from the logit to the score, of candidates in
        row 0: items that are not among the encoder's, whose logit whoever proposed them knows from their content.
        """
        super().__init__()
        self._newcomers = newcomers
        self.actions = actions
        self._scale, self._offset = scale, offset
        self.items = encoder.items
        self.inverse_scales = nn.Buffer(torch.from_numpy(1.0 / blend.scales))
        self.linear = nn.Buffer(torch.from_numpy(blend.linear).reshape(-1, 1))
        self.hidden = nn.Buffer(torch.from_numpy(blend.hidden))
        self.hidden_bias = nn.Buffer(torch.from_numpy(blend.hidden_bias))
        self.output = nn.Buffer(torch.from_numpy(blend.output).reshape(-1, 1))

    def forward(
        self,
        user_vectors: torch.Tensor,
        history_items: torch.Tensor,
        history_events: torch.Tensor,
        candidate_items: torch.Tensor,
        candidate_features: torch.Tensor,
    ) -> torch.Tensor:
        """Inner products with the user vectors [B, D], blended with the features."""
        candidates = self.items(candidate_items)
        taste = torch.matmul(candidates, user_vectors[:, :, None])
        terms = torch.log1p(torch.clamp(candidate_features, min=0.0) * self.inverse_scales)
        lengths = torch.log1p((history_items > 0).sum(dim=1).to(taste.dtype))
        inputs = torch.cat([taste, terms, lengths[:, None, None].expand_as(taste)], dim=2)
        scores = torch.matmul(inputs, self.linear)
        if self.output.shape[0]:
            states = torch.matmul(inputs, self.hidden) + self.hidden_bias
            scores = scores + torch.matmul(states * torch.sigmoid(states), self.output)
        if self._newcomers is not None:
            column, slope, line_offset = self._newcomers
            of_newcomers = slope * candidate_features[:, :, column : column + 1] + line_offset
            scores = torch.where((candidate_items > 0)[:, :, None], scores, of_newcomers)
        heads = [scores, torch.sigmoid(self._scale * scores + self._offset)]
        if self.actions is None:
            # An input that nothing reads would be missing in the exported graph: all rankers take the same.
            heads[0] = scores + 0.0 * history_events[:, :1, :1]
        else:
            heads.append(self.actions(history_items, history_events, user_vectors, candidate_items, candidates))
        return torch.cat(heads, dim=2)
