"""Factors of items and users by ratings, in numpy and inside the graph."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from services.core.history_events import FEATURES
from services.training.model.action_heads import ActionHead, ActionHeads
from services.training.model.ridge import solve
from services.training.steps.examples import InteractionLog
from services.training.steps.rating_factors import BIAS_PENALTY, RatingFactors, penalties
from tests.unit.training.test_fit_heads import ITEMS, opinionated_log


def test_conjugate_gradients_solve() -> None:
    random = np.random.default_rng(0)
    roots = random.normal(size=(5, 7, 9))
    squares = roots.transpose(0, 2, 1) @ roots + 2 * np.eye(9)
    wanted = random.normal(size=(5, 9))
    found = solve(torch.from_numpy(squares.astype(np.float32)), torch.from_numpy(wanted.astype(np.float32)))
    np.testing.assert_allclose(found.numpy(), np.linalg.solve(squares, wanted[..., None])[..., 0], atol=1e-4)
    assert solve(torch.eye(3)[None], torch.zeros(1, 3)).tolist() == [[0, 0, 0]]


def test_a_user_by_hand() -> None:
    log = InteractionLog(
        np.array(["", "a", "b"]),
        np.array([0, 1]),
        np.array([1], np.int32),
        np.zeros(1, np.int64),
        np.array([5.0], np.float32),
    )
    factors = RatingFactors(3.0, np.array([[0.0, 0.0], [0.5, 2.0], [0.25, 1.0]]), 6.0, 1.0, 5.0)
    # 1.5 beyond the item's bias on (1, 2): x = (1.5 / (1 + 1/4 + 4/6)) (1/4, 2/6).
    of_users = factors.users(log)
    inner = 1.5 / (1 + 1 / BIAS_PENALTY + 4 / 6)
    assert of_users[0].tolist() == pytest.approx([inner / BIAS_PENALTY, inner * 2 / 6])
    found = factors.foretold(of_users, np.array([0], np.int32), np.array([2], np.int32))
    assert found.tolist() == pytest.approx([3 + 0.25 + inner / BIAS_PENALTY + inner * 2 / 6])


def test_items_are_drawn_to_what_was_known_before() -> None:
    log = opinionated_log()
    prior = np.full((ITEMS + 1, 3), 0.7)
    unrated = log.only(log.rows != 4)
    drawn = RatingFactors.of(unrated, 2, 1e6, 0, prior)
    np.testing.assert_allclose(drawn.items[4], 0.7)
    np.testing.assert_allclose(drawn.items[5, 1:], 0.7, atol=1e-2)
    assert abs(drawn.items[5, 0] - 0.7) > 0.01
    assert RatingFactors.of(unrated, 2, 8.0, 0).items[4].tolist() == [0, 0, 0]


def test_the_graph_foretells_what_numpy_does() -> None:
    log = opinionated_log()
    fitted = RatingFactors.of(log, 3, 8.0, 0)
    head = ActionHead("rating", None, fitted.mean, 1.5, fitted.least, fitted.most)
    heads = ActionHeads(
        (head,),
        ITEMS,
        4,
        torch.from_numpy(fitted.items[:, 1:].astype(np.float32)),
        torch.from_numpy(penalties(3, 8.0).astype(np.float32)),
    )
    with torch.no_grad():
        heads.item_bias.copy_(torch.from_numpy((fitted.items[:, :1] / 1.5).astype(np.float32)))
        items, events = log.newest(7, 50)
        padding = np.zeros((1, 3, len(FEATURES)), np.float32)
        asked = np.arange(1, ITEMS + 1)
        found = heads(
            torch.from_numpy(np.concatenate([np.zeros(3, np.int64), items])[None]),
            torch.from_numpy(np.concatenate([padding, events[None]], axis=1)),
            torch.zeros(1, 4),
            torch.from_numpy(asked)[None],
            torch.zeros(1, ITEMS, 4),
        )[0, :, 0]
    wanted = fitted.foretold(fitted.users(log), np.full(ITEMS, 7, np.int32), asked.astype(np.int32))
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-4)
    assert found.std() > 0.1
