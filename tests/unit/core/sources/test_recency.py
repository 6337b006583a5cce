from __future__ import annotations

import numpy as np

from services.core.sources.recency import RecencySource
from services.core.sources.source import History

SOURCE = RecencySource(np.array([0.0, 0.4, 0.2, 0.8, 0.8], dtype=np.float32), decay=2.0)
NONE = np.empty(0, dtype=np.int32)


def test_the_rate_falls_with_what_was_taken_since_and_the_last_is_not_taken_again_just_now() -> None:
    scores = SOURCE.score(History.of(np.array([3, 1, 2])))
    np.testing.assert_allclose(scores, [-np.inf, 0.4, 0.0, 0.8 / 4, 0.0], rtol=1e-6)


def test_an_item_stands_where_it_was_last() -> None:
    repeated, once = (SOURCE.score(History.of(np.array(rows))) for rows in ([3, 1, 3, 1, 1, 3, 2], [1, 3, 2]))
    np.testing.assert_array_equal(repeated, once)


def test_only_the_users_own_items_are_proposed() -> None:
    assert SOURCE.retrieve(History.of(np.array([3, 1, 2])), 10, NONE).rows.tolist() == [1, 3]
    assert SOURCE.retrieve(History.of(np.array([3, 1, 2])), 10, np.array([1, 2, 3])).rows.tolist() == []
    assert SOURCE.retrieve(History.of(np.array([3])), 10, NONE).rows.tolist() == []
