from __future__ import annotations

import torch

from services.training.model.sampled_multinomial import sampled_multinomial

STATES = torch.tensor([[1.0, 0.0], [0.5, -1.0]])
VECTORS = torch.tensor([[9.0, 9.0], [1.0, 2.0], [0.0, 1.0], [-1.0, 0.5], [2.0, 2.0]])
BIAS = torch.tensor([9.0, 0.1, 0.2, -0.3, 0.0])
OWNERS, ITEMS = torch.tensor([0, 0, 1]), torch.tensor([1, 3, 2])


def dense() -> torch.Tensor:
    logs = torch.log_softmax(STATES @ VECTORS[1:].T + BIAS[1:], dim=1)
    return -logs[OWNERS, ITEMS - 1].sum() / 2


def test_over_all_items_it_is_the_exact_likelihood() -> None:
    found = sampled_multinomial(STATES, VECTORS, BIAS, OWNERS, ITEMS, torch.arange(1, 5), torch.zeros(4))
    torch.testing.assert_close(found, dense())


def test_a_users_own_items_count_exactly_whether_sampled_or_not() -> None:
    # Items 1 and 4 sampled with expectations 0.5 and 0.25; user 0 took 1 and 3, user 1 took 2.
    negatives, expected = torch.tensor([1, 4]), torch.tensor([0.5, 0.25])
    logits = STATES @ VECTORS.T + BIAS
    first = logits[0, [1, 3]].exp().sum() + logits[0, 4].exp() / 0.25
    second = logits[1, 2].exp() + logits[1, 1].exp() / 0.5 + logits[1, 4].exp() / 0.25
    wanted = (2 * first.log() - logits[0, [1, 3]].sum() + second.log() - logits[1, 2]) / 2
    found = sampled_multinomial(STATES, VECTORS, BIAS, OWNERS, ITEMS, negatives, expected.log())
    torch.testing.assert_close(found, wanted)


def test_gradients_pass_through_the_own_items_too() -> None:
    vectors = VECTORS.clone().requires_grad_()
    found = sampled_multinomial(STATES, vectors, BIAS, OWNERS, ITEMS, torch.arange(1, 5), torch.zeros(4))
    found.backward()  # type: ignore[no-untyped-call]
    shares = torch.softmax(STATES @ VECTORS[1:].T + BIAS[1:], dim=1)
    wanted = torch.zeros_like(VECTORS)
    for user, count in ((0, 2), (1, 1)):
        wanted[1:] += count * shares[user][:, None] * STATES[user] / 2
    for user, item in zip(OWNERS.tolist(), ITEMS.tolist(), strict=True):
        wanted[item] -= STATES[user] / 2
    torch.testing.assert_close(vectors.grad, wanted)


def test_far_apart_logits_overflow_nothing() -> None:
    found = sampled_multinomial(300 * STATES, VECTORS, BIAS, OWNERS, ITEMS, torch.tensor([2, 4]), torch.zeros(2))
    assert torch.isfinite(found)


def test_a_user_who_took_everything_is_no_error() -> None:
    vectors = VECTORS.clone().requires_grad_()
    owners, items = torch.zeros(4, dtype=torch.int64), torch.arange(1, 5)
    found = sampled_multinomial(STATES[:1], vectors, BIAS, owners, items, items, torch.zeros(4))
    found.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(found.detach(), -torch.log_softmax(STATES[:1] @ VECTORS[1:].T + BIAS[1:], 1).sum())
    assert vectors.grad is not None
    assert torch.isfinite(vectors.grad).all()
