"""The graph of items and of what they are tied to, its weights normalised as LightGCN's are, and products with it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Normalised:
    """An edge of weight w between an owner and an item weighs w / √(owner's degree · item's degree).

    to_owners: sparse float32 [owners, N+1], to_items its transpose. item_scale: float32 [N+1], 1 / √degree, 0 where
    an item has no edge.
    """

    to_owners: torch.Tensor
    to_items: torch.Tensor
    item_scale: Float32


class BipartiteGraph:
    """Edges between items and their owners: users, and after them attributes, which own items as users do."""

    def __init__(self, edges: sparse.csr_matrix) -> None:
        """edges: weights float32 [owners, N+1], column 0 empty."""
        self.owners: NDArray[np.int64] = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
        self.items: NDArray[np.int64] = edges.indices.astype(np.int64)
        self.weights: Float32 = edges.data.astype(np.float32)
        self._shape = edges.shape
        self._starts = edges.indptr.astype(np.int64)
        # The transpose's edges in its own order: which edge stands where does not change with the weights.
        self._by_item = np.lexsort((self.owners, self.items))
        self._item_starts = np.concatenate([[0], np.cumsum(np.bincount(self.items, minlength=edges.shape[1]))])

    def normalised(self, kept: NDArray[np.bool_] | None = None) -> Normalised:
        """The graph of the edges where ``kept`` (bool [E]), degrees counted over them alone; all edges if None."""
        weights = self.weights if kept is None else np.where(kept, self.weights, 0.0)
        owner_scale = _root_scale(np.bincount(self.owners, weights=weights, minlength=self._shape[0]))
        item_scale = _root_scale(np.bincount(self.items, weights=weights, minlength=self._shape[1]))
        values = (weights * owner_scale[self.owners] * item_scale[self.items]).astype(np.float32)
        to_owners = _csr(self._starts, self.items, values, self._shape)
        to_items = _csr(self._item_starts, self.owners[self._by_item], values[self._by_item], self._shape[::-1])
        return Normalised(to_owners, to_items, item_scale.astype(np.float32))


def _root_scale(degrees: NDArray[Any]) -> NDArray[np.float64]:
    scale: NDArray[np.float64] = np.where(degrees > 0, 1.0 / np.sqrt(np.maximum(degrees, 1e-12)), 0.0)
    return scale


def _csr(
    starts: NDArray[np.int64], columns: NDArray[np.int64], values: Float32, shape: tuple[int, ...]
) -> torch.Tensor:
    with warnings.catch_warnings():
        # torch calls its CSR tensors a beta; what is used of them here is a product, held to by a test.
        warnings.simplefilter("ignore")
        return torch.sparse_csr_tensor(
            torch.from_numpy(starts), torch.from_numpy(columns), torch.from_numpy(values), shape
        )


class _Product(torch.autograd.Function):
    """Sparse times dense; the gradient is a product with the transpose, which is at hand."""

    @staticmethod
    def forward(ctx: Any, matrix: torch.Tensor, transposed: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        ctx.transposed = transposed
        return matrix @ vectors

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, None, torch.Tensor]:
        return None, None, ctx.transposed @ gradients[0].contiguous()


def owner_vectors(graph: Normalised, vectors: torch.Tensor) -> torch.Tensor:
    """One layer from items float32 [N+1, D] to owners float32 [owners, D]."""
    product: torch.Tensor = _Product.apply(graph.to_owners, graph.to_items, vectors)  # type: ignore[no-untyped-call]
    return product


def item_vectors(graph: Normalised, vectors: torch.Tensor, hops: int) -> torch.Tensor:
    """Mean of the items' layers 0, 2, … 2 · hops, float32 [N+1, D], layer 0 being ``vectors``.

    Two layers lead from items over their owners to items. The owners' own layer 0 is zero, so the layers between
    are zero for items as the even ones are for owners.
    """
    total = layer = vectors
    for _ in range(hops):
        owners = owner_vectors(graph, layer)
        layer = _Product.apply(graph.to_items, graph.to_owners, owners)  # type: ignore[no-untyped-call]
        total = total + layer
    return total / (hops + 1)
