from __future__ import annotations

import numpy as np
import pytest

from services.training.steps.dataset_facts import dataset_facts
from services.training.steps.evaluate import pad_lists
from services.training.steps.evaluate_groups import (
    LEAST_USERS,
    length_groups,
    measure_groups,
    of_groups,
    popularity_groups,
)
from services.training.steps.examples import HeldOut, InteractionLog, hold_out_last


def test_popularity_groups_double() -> None:
    numbers, names = popularity_groups(np.array([0, 1, 2, 3, 4, 7, 8, 15, 16]))
    assert [names[number] for number in numbers] == (
        ["never seen", "1", "2-3", "2-3", "4-7", "4-7", "8-15", "8-15", "16-31"]
    )
    assert popularity_groups(np.array([0]))[1][0] == "never seen"
    assert popularity_groups(np.zeros(0, dtype=np.int64))[0].tolist() == []


def test_length_groups() -> None:
    numbers, names = length_groups(np.array([1, 4, 5, 9, 10, 19, 20, 49, 50, 700]))
    assert [names[number] for number in numbers] == (
        ["0-4", "0-4", "5-9", "5-9", "10-19", "10-19", "20-49", "20-49", "50 or more", "50 or more"]
    )


def test_figures_of_groups_by_hand() -> None:
    # Learnt from: item 1 four times, item 2 once, item 3 never. Histories of 3, 1 and 1.
    log = InteractionLog(
        np.array(["", "a", "b", "c"]), np.array([0, 3, 4, 5]), np.array([1, 2, 1, 1, 1], np.int32), np.zeros(5)
    )
    split = HeldOut(log, np.array([0, 1, 2], np.int32), np.array([3, 2, 1], np.int32))
    lists = pad_lists([np.array([3]), np.array([1, 3, 2]), np.array([2, 3])], 100)
    found = measure_groups({"ranker": lists}, split)
    of_popularity = found["by_popularity"]
    assert of_popularity["names"] == ["never seen", "1", "4-7"]
    assert of_popularity["users"] == [1, 1, 1]
    assert of_popularity["lists"]["ranker"]["recall@10"] == [1.0, 1.0, 0.0]
    assert of_popularity["lists"]["ranker"]["ndcg@10"] == [1.0, 0.5, 0.0]
    of_length = found["by_history_length"]
    assert of_length["names"] == ["0-4"]
    assert of_length["users"] == [3]
    assert of_length["lists"]["ranker"]["recall@10"] == pytest.approx([2 / 3])
    assert of_length["lists"]["ranker"]["recall@10_se"] == pytest.approx([np.std([1, 1, 0]) / np.sqrt(3)])


def test_a_gap_is_between_groups_that_are_large_enough() -> None:
    sizes = (LEAST_USERS, LEAST_USERS, 3)
    numbers = np.repeat([0, 1, 2], sizes)
    targets = np.ones(len(numbers), dtype=np.int32)
    hit = numbers == 0
    hit[LEAST_USERS : LEAST_USERS + 10] = True  # a fifth of the second group, none of the third
    lists = np.where(hit, 1, 2).astype(np.int32)[:, None]
    found = of_groups({"one": lists}, targets, numbers, ["x", "empty", "y", "z"][:3])
    assert found["users"] == list(sizes)
    assert found["lists"]["one"]["recall@10"] == [1.0, 0.2, 0.0]
    assert found["lists"]["one"]["recall@10_gap"] == pytest.approx(0.8)


def test_facts_of_a_data_set_by_hand() -> None:
    ids = np.array(["", "a", "b", "c", "d"])
    users, rows = np.array([0, 0, 0, 1, 1, 2, 4], np.int32), np.array([1, 2, 1, 3, 4, 1, 2], np.int32)
    log = InteractionLog.from_events(ids, users, rows, np.arange(7))
    facts = dataset_facts(log, hold_out_last(log))
    assert (facts["users"], facts["items"], facts["interactions"]) == (4, 4, 7), "user 3 did nothing"
    assert facts["density"] == 6 / 16
    assert facts["repeats"] == pytest.approx(1 / 7)
    assert facts["history_lengths"]["0"] == 1
    assert facts["history_lengths"]["100"] == 3
    assert facts["item_counts"]["50"] == 1.5
    assert facts["history_histogram"] == [{"from": 1, "to": 1, "users": 2}, {"from": 2, "to": 3, "users": 2}]
    assert facts["test_users"] == 2
    assert facts["repeated_targets"] == 0.5, "the first user comes back to a"
    assert facts["unknown_targets"] == 0.5, "nobody else ever took d"
    assert facts["attributes"] == 0
