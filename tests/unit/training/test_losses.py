from __future__ import annotations

import numpy as np
import pytest
import torch

from services.training.model.full_softmax import full_softmax
from services.training.model.sampled_softmax import NegativeSampler, sampled_softmax

POSITIONS, ITEMS, WIDTH = 1300, 40, 8


def example() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(POSITIONS, WIDTH, generator=generator, requires_grad=True)
    vectors = torch.randn(ITEMS + 1, WIDTH, generator=generator, requires_grad=True)
    targets = torch.randint(1, ITEMS // 2, (POSITIONS,), generator=generator)
    positions = torch.arange(0, POSITIONS, 3).repeat_interleave(2)
    seen = torch.randint(ITEMS // 2, ITEMS + 1, positions.shape, generator=generator)
    return states, vectors, targets, positions, seen


def plain_loss(
    states: torch.Tensor, vectors: torch.Tensor, targets: torch.Tensor, positions: torch.Tensor, seen: torch.Tensor
) -> torch.Tensor:
    ruled_out = torch.zeros(POSITIONS, ITEMS + 1, dtype=torch.bool)
    ruled_out[:, 0] = True
    ruled_out[positions, seen] = True
    return torch.nn.functional.cross_entropy((states @ vectors.T).masked_fill(ruled_out, -1e30), targets)


def test_the_chunked_loss_and_its_gradients_are_those_of_cross_entropy() -> None:
    states, vectors, *rest = example()
    wanted = torch.autograd.grad(3 * plain_loss(states, vectors, *rest), (states, vectors))
    loss = full_softmax(states, vectors, *rest)
    found = torch.autograd.grad(3 * loss, (states, vectors))
    assert loss.item() == pytest.approx(plain_loss(states, vectors, *rest).item(), rel=1e-6)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_the_sampled_loss_and_its_gradients_are_those_of_cross_entropy_over_the_sample() -> None:
    states, vectors, targets, positions, seen = example()
    negatives, log_expected = NegativeSampler(np.ones(ITEMS + 1)).draw(20, np.random.default_rng(0))
    ruled_out = torch.zeros(POSITIONS, ITEMS + 1, dtype=torch.bool)
    ruled_out[positions, seen] = True
    ruled_out[torch.arange(POSITIONS), targets] = True
    logits = (states @ vectors[negatives].T - log_expected).masked_fill(ruled_out[:, negatives], -1e30)
    plain = torch.cat([(states * vectors[targets]).sum(dim=1, keepdim=True), logits], dim=1)
    wanted = torch.nn.functional.cross_entropy(plain, torch.zeros(POSITIONS, dtype=torch.int64))
    loss = sampled_softmax(states, vectors, targets, positions, seen, negatives, log_expected)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)
    for one, other in zip(
        torch.autograd.grad(3 * loss, (states, vectors)),
        torch.autograd.grad(3 * wanted, (states, vectors)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_with_every_item_as_a_sure_negative_the_sampled_loss_is_the_full_one() -> None:
    states, vectors, *rest = example()
    everything = torch.arange(1, ITEMS + 1)
    sampled = sampled_softmax(states, vectors, *rest, everything, torch.zeros(ITEMS))
    assert sampled.item() == pytest.approx(plain_loss(states, vectors, *rest).item(), rel=1e-5)


def test_the_correction_makes_the_sampled_denominator_unbiased() -> None:
    # Skewed popularity, few negatives: without the correction the denominator would be off by far.
    generator = np.random.default_rng(0)
    sampler = NegativeSampler(np.concatenate([[0.0], 1.0 / np.arange(1, 201)]))
    logits = torch.from_numpy(generator.normal(size=201).astype(np.float32))
    wanted = float(logits[1:].exp().sum())
    sums = []
    for _ in range(400):
        items, log_expected = sampler.draw(40, generator)
        sums.append(float((logits[items] - log_expected).exp().sum()))
    assert np.mean(sums) == pytest.approx(wanted, rel=0.05)


def test_negatives_are_distinct_items_and_never_padding() -> None:
    sampler = NegativeSampler(np.array([100.0, 50.0, 0.0, 1.0]))
    generator = np.random.default_rng(0)
    for _ in range(50):
        items, _ = sampler.draw(5, generator)
        assert items.min() >= 1
        assert items.max() <= 3
        assert len(set(items.tolist())) == len(items)
