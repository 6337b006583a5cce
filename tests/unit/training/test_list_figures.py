from __future__ import annotations

import numpy as np
import pytest

from services.training.steps.evaluate import pad_lists
from services.training.steps.examples import HeldOut, InteractionLog
from services.training.steps.list_figures import differences, list_figures, recall_curves
from services.training.steps.served_lists import ServedLists
from services.training.steps.user_figures import paired_difference, user_figures


def rows(*lists: list[int], length: int = 100) -> np.ndarray:
    return pad_lists([np.array(row, dtype=np.int32) for row in lists], length)


@pytest.fixture
def split() -> HeldOut:
    ids = np.array(["", *map(str, range(1, 6))])
    log = InteractionLog(ids, np.array([0, 1, 2, 3, 4]), np.array([1, 1, 1, 1], np.int32), np.zeros(4))
    return HeldOut(log, np.arange(4, dtype=np.int32), np.array([2, 3, 4, 5], np.int32))


@pytest.fixture
def served() -> ServedLists:
    ranked = rows([2, 3], [4, 3], [5, 2], [5])
    weak = rows([3, 2], [2, 4], [5], [2])
    return ServedLists(
        {"weak": weak},
        rows([3, 2], [4, 2, 3], [5, 2, 3, 1, 2, 4], [2], length=500),
        ranked,
        ranked,
        np.zeros((4, 0), np.float32),
    )


def test_a_users_figures() -> None:
    figures = user_figures(rows([7, 8, 9], [9], []), np.array([9, 8, 7], np.int32))
    assert figures["recall@10"].tolist() == [1.0, 0.0, 0.0]
    assert figures["ndcg@10"].tolist() == [0.5, 0.0, 0.0]
    assert user_figures(rows([*range(1, 12)]), np.array([11], np.int32))["recall@10"].tolist() == [0.0]


def test_differences_are_of_the_same_users(served: ServedLists, split: HeldOut) -> None:
    found = differences(served, split)["against"]["weak"]
    # Recall of the ranker 1 1 0 1, of the weak one 1 0 0 0.
    assert found["recall@10"] == 0.5
    assert found["recall@10_se"] == pytest.approx(0.5 / 2)
    third = 1 / np.log2(3)
    assert found["ndcg@10"] == pytest.approx(((1 - third) + third + 0 + 1) / 4)
    equal = user_figures(served.ranked, split.targets)
    assert set(paired_difference(equal, equal).values()) == {0.0}


def test_curves_end_where_lists_end(served: ServedLists, split: HeldOut) -> None:
    found = recall_curves(served, split)
    assert found["counts"] == [1, 5, 10, 20, 50, 100, 200, 300, 500]
    assert found["lists"]["ranker"] == [0.5, *[0.75] * 5]
    assert found["lists"]["weak"] == [0.0, *[0.25] * 5]
    assert found["lists"]["candidates"] == [0.0, 0.5, *[0.75] * 7]


def test_variety_of_every_list(served: ServedLists, split: HeldOut) -> None:
    vectors = np.zeros((6, 2), dtype=np.float32)
    vectors[2], vectors[3], vectors[4], vectors[5] = (1, 0), (0, 1), (0, 2), (1, 1)
    found = list_figures(served, split, vectors)
    # Lists of one item have no pairs; 2-3 are at right angles, 4-3 alike, 5-2 at 45 degrees.
    assert found["ranker"]["vector_diversity@10"] == pytest.approx((1 + 0 + 1 - np.sqrt(0.5)) / 3)
    assert found["weak"]["vector_diversity@10"] == pytest.approx(1.0)
    assert found["ranker"]["recall@10_se"] == pytest.approx(np.std([1, 1, 0, 1]) / 2)
    assert found["weak"]["long_tail_share@10"] == 1.0
    assert "vector_diversity@10" not in list_figures(served, split, None)["ranker"]
