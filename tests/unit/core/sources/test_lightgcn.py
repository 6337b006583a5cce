from __future__ import annotations

import numpy as np
import pytest

from services.core.sources.lightgcn import LightGcnSource
from services.core.sources.source import History

# z of items 1..3 is (3, 4), (1, 0) and (0, 2), their degrees 1, 4 and 1.
VECTORS = np.array([[0, 0], [0.6, 0.8], [1, 0], [0, 1]], dtype=np.float32)
NEIGHBOURS = np.array([[0, 0], [3, 4], [0.5, 0], [0, 2]], dtype=np.float32)


@pytest.fixture
def source() -> LightGcnSource:
    return LightGcnSource(VECTORS, NEIGHBOURS)


def test_the_user_is_the_sum_of_the_items_taken_over_the_roots_of_their_degrees(source: LightGcnSource) -> None:
    # x = (0.5, 0) + (0, 2), of length √4.25.
    scores = source.score(History.of(np.array([2, 3])))
    np.testing.assert_allclose(scores[1:], np.array([0.3 + 1.6, 0.5, 2.0]) / np.sqrt(4.25), rtol=1e-6)


def test_an_item_taken_twice_counts_once(source: LightGcnSource) -> None:
    once, twice = History.of(np.array([2, 3])), History.of(np.array([3, 2, 3]))
    np.testing.assert_array_equal(source.score(once), source.score(twice))


def test_a_history_of_items_without_a_place_in_the_graph_scores_nothing() -> None:
    source = LightGcnSource(VECTORS, np.zeros_like(NEIGHBOURS))
    assert source.score(History.of(np.array([1])))[1:].tolist() == [0.0, 0.0, 0.0]
