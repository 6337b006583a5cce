from __future__ import annotations

import numpy as np

from services.core.sources.item_knn import ItemKnnSource
from services.core.sources.source import History

SOURCE = ItemKnnSource(
    np.array([[0, 0], [2, 3], [1, 0], [1, 4], [3, 0]], dtype=np.int32),
    np.array([[0, 0], [0.5, 0.25], [0.5, 0], [0.25, 2.0], [2.0, 0]], dtype=np.float32),
)
NONE = np.empty(0, dtype=np.int32)


def test_the_score_is_the_sum_over_the_history() -> None:
    scores = SOURCE.score(History.of(np.array([1, 3])))
    assert scores.tolist() == [-np.inf, 0.25, 0.5, 0.25, 2.0]


def test_what_nothing_links_to_is_not_proposed() -> None:
    found = SOURCE.retrieve(History.of(np.array([2])), 10, NONE)
    assert found.rows.tolist() == [1]
    assert found.scores.tolist() == [0.5]


def test_similar_items_strongest_first() -> None:
    assert SOURCE.similar(3, 5).rows.tolist() == [4, 1]
    assert SOURCE.similar(3, 1).rows.tolist() == [4]
    assert SOURCE.similar(2, 5).rows.tolist() == [1]
