from __future__ import annotations

import numpy as np
import pytest

from services.core.metrics import groups

VALUES, NAMES = np.array([1.0, 0.0, 0.5, 0.0, 1.0]), ["a", "a", "b", "b", "c"]


def test_means_and_gap_by_hand() -> None:
    assert groups.by_group(VALUES, NAMES) == {"a": 0.5, "b": 0.25, "c": 1.0}
    assert groups.largest_gap(VALUES, NAMES) == pytest.approx(0.75)


def test_sizes_by_hand() -> None:
    assert groups.sizes(NAMES) == {"a": 2, "b": 2, "c": 1}
    assert groups.sizes([]) == groups.by_group(np.zeros(0), []) == {}


def test_one_group_has_no_gap() -> None:
    assert groups.largest_gap(np.array([0.0, 1.0]), ["a", "a"]) == 0.0


def test_small_groups_are_left_out_of_the_gap() -> None:
    assert groups.largest_gap(VALUES, NAMES, least_users=2) == pytest.approx(0.25)
    assert groups.largest_gap(VALUES, NAMES, least_users=3) == 0.0
    assert groups.largest_gap(np.zeros(0), []) == 0.0
