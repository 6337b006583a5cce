from __future__ import annotations

import numpy as np
import pytest

from services.core.sources.popularity import PopularitySource
from services.training.sources.hold_back import hold_back, ndcg
from services.training.steps.examples import InteractionLog


def log_of(*sequences: list[int]) -> InteractionLog:
    users = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences]).astype(np.int32)
    rows = np.array([row for sequence in sequences for row in sequence], dtype=np.int32)
    return InteractionLog.from_events(np.array(["", *"abcdef"]), users, rows, np.arange(len(rows), dtype=np.int64))


def test_half_of_those_with_three_interactions_give_their_last() -> None:
    held = hold_back(log_of([1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]), 100)
    assert held.users.tolist() == [1, 4]
    assert held.targets.tolist() == [3, 6]
    assert [rows.tolist() for rows in held.log.sequences()] == [[1, 2], [1, 2], [2, 3, 4], [3, 4, 5], [4, 5]]


def test_no_more_than_asked_for_and_nobody_where_all_are_short() -> None:
    assert hold_back(log_of([1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]), 1).users.tolist() == [0]
    short = hold_back(log_of([1, 2], [3]), 100)
    assert len(short.users) == 0
    assert ndcg(PopularitySource(np.zeros(7, dtype=np.float32)), short) == 0.0


def test_ndcg_counts_over_what_was_not_taken() -> None:
    held = hold_back(log_of([1, 2, 3], [2, 3, 4], [6, 1, 2]), 100)
    assert held.users.tolist() == [0, 2]
    source = PopularitySource(np.array([-np.inf, 9, 8, 7, 7.5, 1, 1], dtype=np.float32))
    # User 0 has 1 and 2: 3 comes after 4. User 2 has 6 and 1: 2 is first.
    assert ndcg(source, held) == pytest.approx((1 / np.log2(3) + 1) / 2)
