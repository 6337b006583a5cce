from __future__ import annotations

import numpy as np
import pytest

from services.core.sources.source import History
from services.core.sources.user_knn import UserKnnSource

# User 1 took 1 2, user 2 took 1 3 4, user 3 took 4 5; items weigh 1, but item 4 weighs 4.
TAKEN = {1: [1, 2], 2: [1, 3, 4], 3: [4, 5]}
NONE = np.empty(0, dtype=np.int32)


def source_of(neighbours: int = 10, decay: float = 0.0) -> UserKnnSource:
    return UserKnnSource(
        (np.array([0, 0, 2, 3, 4, 6, 7]), np.array([1, 2, 1, 2, 2, 3, 3], dtype=np.int32)),
        (np.array([0, 0, 2, 5, 7]), np.array([row for rows in TAKEN.values() for row in rows], dtype=np.int32)),
        np.array([0, 1, 1, 1, 4, 1], dtype=np.float32),
        neighbours,
        decay,
    )


def test_scores_are_sums_of_weighted_cosines() -> None:
    history = History.of(np.array([4, 1]))
    first, second, third = 1 / np.sqrt(5 * 2), 5 / np.sqrt(5 * 6), 4 / np.sqrt(5 * 5)
    found = source_of().similar_users(history)
    assert found.rows.tolist() == [2, 3, 1]
    np.testing.assert_allclose(found.scores, [second, third, first], rtol=1e-6)
    wanted = [-np.inf, first + second, first, second, second + third, third]
    np.testing.assert_allclose(source_of().score(history), wanted, rtol=1e-6)


def test_only_the_most_similar_count() -> None:
    scores = source_of(neighbours=2).score(History.of(np.array([4, 1])))
    assert scores[2] == 0.0
    assert source_of(neighbours=2).retrieve(History.of(np.array([4, 1])), 10, np.array([1, 4])).rows.tolist() == [3, 5]


def test_older_items_count_less() -> None:
    # Item 1 is the second newest: 1^-1 for item 4, 2^-1 for item 1. Query norm: sqrt(4 + 1/4).
    found = source_of(decay=1.0).similar_users(History.of(np.array([1, 4])))
    norm = np.sqrt(4 + 0.25)
    wanted = [4.5 / (norm * np.sqrt(6)), 4 / (norm * np.sqrt(5)), 0.5 / (norm * np.sqrt(2))]
    assert found.rows.tolist() == [2, 3, 1]
    np.testing.assert_allclose(found.scores, wanted, rtol=1e-6)


def test_a_repeated_item_counts_once_where_it_was_last() -> None:
    once, again = (source_of(decay=1.0).score(History.of(np.array(rows))) for rows in ([1, 4], [4, 1, 1, 4]))
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("rows", [[4, 5], [5, 4, 2]])
def test_who_took_nothing_else_takes_no_place_among_the_neighbours(rows: list[int]) -> None:
    # User 3 is the asking one, or as good as.
    found = source_of(neighbours=1).similar_users(History.of(np.array(rows)))
    assert found.rows.tolist() == [2]


def test_equally_similar_users_come_by_number() -> None:
    # Users 1 and 2 both took item 1 and one more of the same weight.
    source = UserKnnSource(
        (np.array([0, 0, 2, 3, 4]), np.array([1, 2, 2, 1], dtype=np.int32)),
        (np.array([0, 0, 2, 4]), np.array([1, 3, 1, 2], dtype=np.int32)),
        np.array([0, 1, 1, 1], dtype=np.float32),
        1,
        0.0,
    )
    assert source.retrieve(History.of(np.array([1])), 5, NONE).rows.tolist() == [1, 3]
