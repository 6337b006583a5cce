"""LightGCN's propagation by hand: users a, b and items 1..3; a took 1 and 2, b took 2 and 3."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from services.training.model.bipartite_graph import BipartiteGraph, item_vectors, owner_vectors

EMBEDDINGS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [4.0, 4.0]])
ROOT = np.sqrt(2)


@pytest.fixture
def graph() -> BipartiteGraph:
    return BipartiteGraph(sparse.csr_matrix(np.array([[0, 1, 1, 0], [0, 0, 1, 1]], dtype=np.float32)))


def test_edges_are_divided_by_the_roots_of_both_degrees(graph: BipartiteGraph) -> None:
    # Degrees: users 2, 2; items 1, 2, 1.
    normalised = graph.normalised()
    wanted = [[0, 1 / ROOT, 1 / 2, 0], [0, 0, 1 / 2, 1 / ROOT]]
    np.testing.assert_allclose(normalised.to_owners.to_dense(), wanted, rtol=1e-6)
    np.testing.assert_allclose(normalised.to_items.to_dense(), np.transpose(wanted), rtol=1e-6)
    np.testing.assert_allclose(normalised.item_scale, [0, 1, 1 / ROOT, 1], rtol=1e-6)


def test_layers_by_hand(graph: BipartiteGraph) -> None:
    normalised = graph.normalised()
    # Layer 1 of the users: a = e1/√2 + e2/2, b = e2/2 + e3/√2. Layer 2 of the items: a/√2, (a + b)/2, b/√2.
    a, b = np.array([1 / ROOT, 1.0]), np.array([4 / ROOT, 1 + 4 / ROOT])
    np.testing.assert_allclose(owner_vectors(normalised, EMBEDDINGS), [a, b], rtol=1e-6)
    second = np.stack([np.zeros(2), a / ROOT, (a + b) / 2, b / ROOT])
    np.testing.assert_allclose(item_vectors(normalised, EMBEDDINGS, 1), (EMBEDDINGS.numpy() + second) / 2, rtol=1e-6)
    np.testing.assert_array_equal(item_vectors(normalised, EMBEDDINGS, 0), EMBEDDINGS)


def test_hidden_edges_are_as_if_never_there(graph: BipartiteGraph) -> None:
    # Without (a, 2) user a has item 1 alone, and item 2 has user b alone.
    normalised = graph.normalised(np.array([True, False, True, True]))
    np.testing.assert_allclose(normalised.to_owners.to_dense(), [[0, 1, 0, 0], [0, 0, 1 / ROOT, 1 / ROOT]], rtol=1e-6)
    np.testing.assert_allclose(normalised.item_scale, [0, 1, 1, 1], rtol=1e-6)


def test_an_edge_counts_by_its_weight() -> None:
    # An attribute of half weight: degrees of the owners 1 and 0.5, of item 1 1.5.
    edges = sparse.csr_matrix(np.array([[0, 1], [0, 0.5]], dtype=np.float32))
    wanted = [[0, 1 / np.sqrt(1.5)], [0, 0.5 / np.sqrt(1.5 * 0.5)]]
    np.testing.assert_allclose(BipartiteGraph(edges).normalised().to_owners.to_dense(), wanted, rtol=1e-6)


def test_the_gradient_is_that_of_dense_products(graph: BipartiteGraph) -> None:
    normalised = graph.normalised()
    weights = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    embeddings = EMBEDDINGS.clone().requires_grad_()
    (owner_vectors(normalised, item_vectors(normalised, embeddings, 1)) * weights).sum().backward()
    again = EMBEDDINGS.clone().requires_grad_()
    dense = normalised.to_owners.to_dense()
    (dense @ ((again + dense.T @ dense @ again) / 2) * weights).sum().backward()
    assert embeddings.grad is not None
    torch.testing.assert_close(embeddings.grad, again.grad)
