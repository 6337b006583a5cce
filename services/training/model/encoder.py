"""The sequence encoder: a history of items in, a vector of what the user wants next out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from services.training.model.block import Block
from services.training.model.dropout import Dropout, RandomBytes
from services.training.model.event_inputs import NOTHING, EventInputs, EventScale

# Both are added to attention logits. What lies ahead must lose against padding, and padding against any item:
# then a position that sees nothing but padding attends to padding alone, and its vector is the same at any length.
AHEAD = -1e9
PADDING = -1e4


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Sizes of an encoder; two encoders of equal shape can exchange weights (but for the items)."""

    item_count: int
    width: int
    blocks: int
    heads: int
    hidden: int
    max_history: int


class SequenceEncoder(nn.Module):
    """Item vectors → blocks → norm. The same item vectors are the output layer: a logit is an inner product.

    An item's vector is its own plus the weighted vectors of its attributes: what few have taken is still placed by
    what it is. ``folded`` adds both up once and for all, so that serving knows nothing of attributes.
    """

    def __init__(
        self,
        shape: EncoderShape,
        dropout: float = 0.0,
        attributes: torch.Tensor | None = None,
        events: EventScale = NOTHING,
    ) -> None:
        """attributes: sparse CSR float32 [N+1, A], an item's weight of each attribute; None without any."""
        super().__init__()
        self.shape = shape
        # Not among the weights, but they move to a device with them. The transposed matrix once, because autograd
        # would make it anew in every step.
        transposed = None if attributes is None else attributes.t().to_sparse_csr()
        self._attributes: torch.Tensor | None
        self._attributes_transposed: torch.Tensor | None
        self.register_buffer("_attributes", attributes, persistent=False)
        self.register_buffer("_attributes_transposed", transposed, persistent=False)
        self.random_bytes = RandomBytes()
        self.items = nn.Embedding(shape.item_count + 1, shape.width)
        self.event_inputs = EventInputs(shape.width, events)
        self.input_dropout = Dropout(dropout, self.random_bytes)
        self.blocks = nn.ModuleList(
            Block(shape.width, shape.heads, shape.hidden, shape.max_history, dropout, self.random_bytes)
            for _ in range(shape.blocks)
        )
        self.norm = nn.LayerNorm(shape.width)
        nn.init.normal_(self.items.weight, std=0.02)
        with torch.no_grad():
            self.items.weight[0] = 0
        if attributes is not None:
            self.attribute_vectors = nn.Parameter(torch.zeros(attributes.shape[1], shape.width))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def item_vectors(self) -> torch.Tensor:
        """float32 [N+1, D]: each item's own vector plus those of its attributes."""
        if self._attributes is None or self._attributes_transposed is None:
            return self.items.weight
        added = _SparseProduct.apply(self._attributes, self._attributes_transposed, self.attribute_vectors)  # type: ignore[no-untyped-call]
        vectors: torch.Tensor = self.items.weight + added
        return vectors

    @torch.no_grad()
    def folded(self) -> SequenceEncoder:
        """The same function without attributes, in weights of its own."""
        plain = SequenceEncoder(self.shape, events=self.event_inputs.scale)
        weights = {name: value.clone() for name, value in self.state_dict().items() if name != "attribute_vectors"}
        plain.load_state_dict({**weights, "items.weight": self.item_vectors().clone()})
        return plain.eval()

    def forward(
        self,
        items: torch.Tensor,
        events: torch.Tensor,
        segments: torch.Tensor,
        item_vectors: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """States after every position of packed rows.

        items: int64 [B, T], events: float32 [B, T, 4] (see ``services.core.history_events``), segments: int64 [B, T]
        (which sequence of the row a position belongs to; 0 = filling).
        item_vectors: what ``item_vectors()`` gave, if the caller has it already.
        Returns float32 [B, T, D]: at each position, the user vector of the sequence up to and including it.
        """
        length = items.shape[1]
        other = (segments[:, None, :] != segments[:, :, None])[:, None] * AHEAD
        states = self._embed(items, events, item_vectors)
        for block in self._blocks():
            states = block(states, self._order_bias(block, length)[None] + other)
        normed: torch.Tensor = self.norm(states)
        return normed

    def order_tables(self) -> list[torch.Tensor]:
        """Of each block float32 [H, max_history, max_history]: what attention adds for order, ready to be cut out."""
        return [self._order_bias(block, self.shape.max_history) for block in self._blocks()]

    def user_vectors(
        self,
        history_items: torch.Tensor,
        history_events: torch.Tensor,
        order_tables: Sequence[torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Vectors float32 [B, D] of histories int64 [B, L ≤ max_history], left padded with 0 without any effect.

        history_events: float32 [B, L, 4], what else is known of them (see ``services.core.history_events``).
        An empty history gives the vector that was trained to expect anybody's item. ``order_tables`` saves their
        computation where the weights stay as they are.
        """
        tables = self.order_tables() if order_tables is None else order_tables
        length = history_items.shape[1]
        padding = (history_items == 0)[:, None, None, :] * PADDING
        states = self._embed(history_items, history_events)
        for position, block in enumerate(blocks := self._blocks()):
            last = position == len(blocks) - 1
            # Only distances count, so the table's last rows and columns are those of any shorter history.
            order = tables[position][:, -1 if last else -length :, -length:]
            states = block(states, order[None] + padding, last_only=last)
        normed: torch.Tensor = self.norm(states)
        return normed[:, -1]

    def _blocks(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]

    def _embed(
        self, items: torch.Tensor, events: torch.Tensor, item_vectors: torch.Tensor | None = None
    ) -> torch.Tensor:
        vectors = self.item_vectors() if item_vectors is None else item_vectors
        embedded = functional.embedding(items, vectors) * self.shape.width**0.5 + self.event_inputs(events)
        dropped: torch.Tensor = self.input_dropout(embedded)
        return dropped

    def _order_bias(self, block: Block, length: int) -> torch.Tensor:
        """float32 [H, T, T]: the learnt bias of each distance, AHEAD where the key comes after the query."""
        places = torch.arange(length, device=block.attention.distance_bias.device)
        distances = places[:, None] - places[None, :]
        return block.attention.distance_bias[:, distances.clamp(min=0)] + (distances < 0) * AHEAD


class _SparseProduct(torch.autograd.Function):
    """Sparse [N, A] times dense [A, D]; the gradient is the transposed matrix times what comes back."""

    @staticmethod
    def forward(ctx: Any, matrix: torch.Tensor, transposed: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        ctx.transposed = transposed
        return matrix @ vectors

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return None, None, ctx.transposed @ gradients[0]
