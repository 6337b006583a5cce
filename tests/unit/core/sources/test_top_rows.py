from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.sources.top_rows import open_rows_without, top_positive_rows, top_rows

NOTHING = np.empty(0, dtype=np.int32)


def rows_of(scores: list[float], count: int, excluded: list[int] | None = None) -> list[int]:
    rows, found = top_rows(np.array(scores, dtype=np.float32), count, np.array(excluded or [], dtype=np.int32))
    assert rows.dtype == np.int32
    assert found.tolist() == [np.float32(scores[row]) for row in rows]
    return rows.tolist()


def test_best_first_without_row_0_and_the_excluded() -> None:
    assert rows_of([9.0, 1.0, 3.0, 2.0, 4.0], 2) == [4, 2]
    assert rows_of([9.0, 1.0, 3.0, 2.0, 4.0], 9, [4, 2]) == [3, 1]


def test_equal_scores_go_by_row_also_at_the_cut() -> None:
    assert rows_of([0.0] * 8, 3) == [1, 2, 3]
    assert rows_of([0.0, 1.0, 5.0, 1.0, 1.0], 3) == [2, 1, 3]


def test_minus_infinity_is_never_returned() -> None:
    assert rows_of([0.0, -np.inf, 2.0], 2) == [2]


def test_nothing_wanted_or_nothing_left() -> None:
    assert rows_of([0.0, 1.0], 0) == []
    assert rows_of([0.0, 1.0], -1) == []
    assert rows_of([0.0, 1.0], 5, [1]) == []


def test_rows_outside_the_catalogue_are_ignored_among_the_excluded() -> None:
    assert rows_of([0.0, 1.0, 2.0], 2, [0, -1, 77]) == [2, 1]


def test_scores_are_not_written_to() -> None:
    scores = np.array([0.0, 1.0, 2.0], dtype=np.float32)
    scores.setflags(write=False)
    assert top_rows(scores, 1, NOTHING)[0].tolist() == [2]


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([0.0, 0.5, 1.0, -2.0, 3.25]), min_size=1, max_size=30),
    st.integers(1, 35),
    st.lists(st.integers(0, 29), max_size=10),
)
def test_agrees_with_a_plain_sort(scores: list[float], count: int, excluded: list[int]) -> None:
    wanted = sorted((row for row in range(1, len(scores)) if row not in excluded), key=lambda row: (-scores[row], row))
    assert rows_of(scores, count, excluded) == wanted[:count]


@given(
    st.lists(st.sampled_from([0.0, -1.0, 0.5, 1.0, 2.0]), min_size=1, max_size=60),
    st.integers(-1, 70),
    st.lists(st.integers(0, 70), max_size=20),
)
@settings(max_examples=200, deadline=None)
def test_positive_rows_are_the_positive_part_of_the_best(scores: list[float], count: int, excluded: list[int]) -> None:
    given_scores, out = np.array([-np.inf, *scores], dtype=np.float32), np.array(excluded, dtype=np.int32)
    rows, best = top_rows(given_scores, count, out)
    open_rows = open_rows_without(out, len(given_scores))
    found_rows, found = top_positive_rows(given_scores, count, open_rows)
    assert found_rows.tolist() == rows[best > 0].tolist()
    assert found.tolist() == best[best > 0].tolist()
    assert found_rows.dtype == np.int32
