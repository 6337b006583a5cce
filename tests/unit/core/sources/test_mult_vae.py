from __future__ import annotations

import numpy as np
import pytest

from services.core.sources.mult_vae import MultVaeSource
from services.core.sources.source import History


@pytest.fixture
def source() -> MultVaeSource:
    """One unit a layer: w = 0, 1, 2, c = 0.5, M = 2, m = -1, v = 3, -1, -2, b = 1, 0, -1."""
    return MultVaeSource(
        np.array([[0], [0], [1], [2]], dtype=np.float32),
        np.array([0.5], dtype=np.float32),
        np.array([[2]], dtype=np.float32),
        np.array([-1], dtype=np.float32),
        np.array([[0], [3], [-1], [-2]], dtype=np.float32),
        np.array([0, 1, 0, -1], dtype=np.float32),
    )


def test_scores_are_the_decoders_logits_at_the_encoders_mean(source: MultVaeSource) -> None:
    hidden = np.tanh(2 * np.tanh((1 + 2) / np.sqrt(2) + 0.5) - 1)
    scores = source.score(History.of(np.array([2, 3])))
    np.testing.assert_allclose(scores[1:], [3 * hidden + 1, -hidden, -2 * hidden - 1], rtol=1e-6)
    assert scores[0] == -np.inf


def test_an_item_taken_twice_counts_once(source: MultVaeSource) -> None:
    once, twice = History.of(np.array([2, 3])), History.of(np.array([3, 2, 3]))
    np.testing.assert_array_equal(source.score(once), source.score(twice))


def test_nothing_is_known_of_a_user_without_history(source: MultVaeSource) -> None:
    empty = History.of(np.empty(0, dtype=np.int32))
    assert not source.knows(empty)
    assert source.score(empty)[1:].tolist() == [0.0, 0.0, 0.0]
    assert source.score_rows(empty, np.array([1, 3])).tolist() == [0.0, 0.0]
