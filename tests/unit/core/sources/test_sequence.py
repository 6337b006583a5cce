from __future__ import annotations

import numpy as np

from services.core.sources.sequence import SequenceSource
from services.core.sources.source import History, Rows, Scores

VECTORS = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [-1, 0]], dtype=np.float32)
# The same among many that nobody wants: an index is asked for a small share of its items only.
MANY = np.concatenate([VECTORS, np.full((36, 2), -9, dtype=np.float32)])
NONE = np.empty(0, dtype=np.int32)


class FixedIndex:
    """Proposes the same rows whatever is asked, and notes how many were wanted."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = np.array(rows, dtype=np.int32)
        self.wanted = 0

    def search(self, vector: Scores, count: int) -> Rows:
        self.wanted = count
        return self.rows[:count]


def test_scores_are_inner_products() -> None:
    history = History.of(np.array([1]), np.array([2.0, 1.0], dtype=np.float32))
    source = SequenceSource(VECTORS)
    assert source.score(history).tolist() == [-np.inf, 2.0, 1.0, 3.0, -2.0]
    assert source.retrieve(history, 2, NONE).rows.tolist() == [3, 1]


def test_the_index_proposes_and_exact_scores_order() -> None:
    index = FixedIndex([2, 4, 3, 1])
    source = SequenceSource(MANY).with_index(index)
    history = History.of(np.array([1]), np.array([2.0, 1.0], dtype=np.float32))
    found = source.retrieve(history, 2, np.array([1], dtype=np.int32))
    assert index.wanted == 3, "as many more as could be excluded"
    assert found.rows.tolist() == [3, 2]
    assert found.scores.tolist() == [3.0, 1.0]


def test_without_a_user_vector_it_is_silent() -> None:
    source = SequenceSource(VECTORS).with_index(FixedIndex([1]))
    assert len(source.retrieve(History.of(np.array([1])), 3, NONE).rows) == 0


def test_what_is_asked_of_the_index_does_not_depend_on_the_paddings_mask() -> None:
    # An index asked for more searches wider and finds others: serving, which closes row 0, must ask for no more.
    history = History.of(np.array([1]), np.array([2.0, 1.0], dtype=np.float32))
    for padding in (True, False):
        index = FixedIndex([2, 4, 3, 1])
        open_rows = np.array([padding, False, *[True] * 39])
        SequenceSource(MANY).with_index(index).retrieve_open(history, 2, open_rows)
        assert index.wanted == 3


def test_where_most_of_the_index_would_be_walked_through_everything_is_compared() -> None:
    history = History.of(np.array([1]), np.array([2.0, 1.0], dtype=np.float32))
    for count, asked in ((3, 4), (4, 0)):
        index = FixedIndex([2, 4, 3, 1])
        found = SequenceSource(MANY).with_index(index).retrieve(history, count, np.array([1], dtype=np.int32))
        assert index.wanted == asked
        assert found.rows.tolist() == [3, 2, 4, 5][:count]
