"""The text tower: a text encoder that learns together with the ranker what texts say of who takes an item."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class TowerShape:
    """text_width: C of a text vector. item_width: D of an item vector. categories: names to foretell, 0 for none."""

    text_width: int
    item_width: int
    categories: int = 0
    ratings: bool = False


class TextTower(nn.Module):
    """Text encoder → text vector; text vector → item vector, and what the further tasks foretell.

    The lower layers of the encoder stay as they are; embeddings never learn: words that no text of the training has
    must keep their places.
    """

    def __init__(self, encoder: nn.Module, shape: TowerShape, layers: int) -> None:
        """encoder: input_ids, attention_mask int64 [B, T] → float32 [B, C] of unit length. layers: upper, that learn.

        Raises ValueError where the encoder has no layers to choose from.
        """
        super().__init__()
        self.shape = shape
        self.encoder = encoder
        stacks = [list(module) for module in encoder.modules() if isinstance(module, nn.ModuleList)]
        if not stacks:
            raise ValueError("the text encoder has no stack of layers: its fine-tuning is not supported")
        encoder.requires_grad_(False)
        for layer in max(stacks, key=len)[-layers:]:
            layer.requires_grad_(True)
        self.projection = nn.Linear(shape.text_width, shape.item_width)
        self.categories = nn.Linear(shape.text_width, shape.categories) if shape.categories else None
        # A user's state, as a linear form over text vectors, and what everybody thinks of such a text.
        self.taste = nn.Linear(shape.item_width, shape.text_width) if shape.ratings else None
        self.esteem = nn.Linear(shape.text_width, 1) if shape.ratings else None
        for head in (self.projection, self.categories, self.taste, self.esteem):
            if head is not None:
                nn.init.xavier_uniform_(head.weight)
                nn.init.zeros_(head.bias)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Text vectors float32 [B, C] of unit length."""
        vectors: torch.Tensor = self.encoder(input_ids, attention_mask)
        return vectors

    @torch.no_grad()
    def start_from(self, text_vectors: torch.Tensor, item_vectors: torch.Tensor, penalty: float) -> None:
        """Let the projection be the ridge regression of item vectors float32 [B, D] on text vectors float32 [B, C]."""
        texts, items = text_vectors.double(), item_vectors.double()
        centre, mean = texts.mean(dim=0), items.mean(dim=0)
        texts = texts - centre
        square = texts.T @ texts + penalty * torch.eye(texts.shape[1], dtype=torch.float64)
        weights = torch.linalg.solve(square, texts.T @ (items - mean))
        self.projection.weight.copy_(weights.T.float())
        self.projection.bias.copy_((mean - centre @ weights).float())

    def category_loss(self, vectors: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of the categories: known float32 [B, categories], 1 where the item is of that one."""
        if self.categories is None:
            return vectors.new_zeros(())
        return functional.binary_cross_entropy_with_logits(self.categories(self._scaled(vectors)), known)

    def rating_loss(self, vectors: torch.Tensor, states: torch.Tensor, ratings: torch.Tensor) -> torch.Tensor:
        """Mean squared error of ratings float32 [P], less their mean, of items by users of states float32 [P, D]."""
        if self.taste is None or self.esteem is None or not len(ratings):
            return vectors.new_zeros(())
        scaled = self._scaled(vectors)
        foretold = (self.taste(states) * scaled).mean(dim=1) + self.esteem(scaled)[:, 0]
        return functional.mse_loss(foretold, ratings)

    def _scaled(self, vectors: torch.Tensor) -> torch.Tensor:
        """Numbers about 1 large, as heads learn from: those of a unit vector are small where it is wide."""
        scaled: torch.Tensor = vectors * self.shape.text_width**0.5
        return scaled
