from __future__ import annotations

import numpy as np

from services.core.sources.source import Retrieved
from services.training.steps.evaluate import merge, pad_lists


def proposal(*rows: int) -> Retrieved:
    return Retrieved(np.array(rows, dtype=np.int32), np.zeros(len(rows), dtype=np.float32))


def test_merged_by_best_place_then_by_source() -> None:
    proposals = {"one": proposal(5, 1, 2), "two": proposal(7, 5), "three": proposal(2)}
    assert merge(proposals, 10).tolist() == [5, 7, 2, 1]
    assert merge(proposals, 2).tolist() == [5, 7]
    assert merge({"one": proposal(), "two": proposal()}, 3).tolist() == []


def test_lists_are_cut_or_filled_to_one_length() -> None:
    lists = [np.array([4, 5, 6], dtype=np.int32), np.array([], dtype=np.int32)]
    assert pad_lists(lists, 2).tolist() == [[4, 5], [0, 0]]
    assert pad_lists(lists, 4).tolist() == [[4, 5, 6, 0], [0, 0, 0, 0]]
