from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import torch

from services.training.steps.examples import InteractionLog
from services.training.steps.examples_packing import batch_rows, pack_epoch


def random_log(users: int, longest: int, items: int = 50, seed: int = 0) -> InteractionLog:
    random = np.random.default_rng(seed)
    lengths = random.integers(1, longest + 1, users)
    owners = np.repeat(np.arange(users), lengths).astype(np.int32)
    rows = random.integers(1, items + 1, len(owners)).astype(np.int32)
    times = np.arange(len(owners), dtype=np.int64)
    return InteractionLog.from_events(np.array(["", *map(str, range(1, items + 1))]), owners, rows, times)


def test_every_interaction_but_the_first_is_a_target_once_and_rows_are_full() -> None:
    log = random_log(60, 45)
    rows = pack_epoch(log, 20, np.random.default_rng(0))
    histories = [sequence for row in rows for sequence in row if sequence[0] != 0]
    starts = [sequence for row in rows for sequence in row if sequence[0] == 0]
    assert sum(len(sequence) - 1 for sequence in histories) == sum(
        max(0, len(sequence) - 1) for sequence in log.sequences()
    )
    given = Counter(pair for sequence in log.sequences() for pair in pairwise(sequence))
    packed = Counter(pair for sequence in histories for pair in pairwise(sequence))
    assert packed == given
    assert len(starts) == log.user_count
    used = [sum(len(sequence) - 1 for sequence in row) for row in rows]
    assert max(used) <= 20
    assert sum(used) / (20 * len(rows)) > 0.9


def test_only_ties_change_their_order() -> None:
    owners = np.zeros(8, dtype=np.int32)
    rows = np.arange(1, 9, dtype=np.int32)
    times = np.array([1, 2, 2, 2, 2, 3, 4, 4])
    log = InteractionLog.from_events(np.array(["", *"abcdefgh"]), owners, rows, times)
    orders = set()
    for seed in range(20):
        packed = pack_epoch(log, 20, np.random.default_rng(seed))
        (sequence,) = (found for row in packed for found in row if found[0] != 0)
        assert sequence[0] == 1
        assert sorted(sequence[1:5]) == [2, 3, 4, 5]
        assert sequence[5] == 6
        assert sorted(sequence[6:]) == [7, 8]
        orders.add(tuple(sequence.tolist()))
    assert len(orders) > 10


def test_tensors_of_packed_rows() -> None:
    batch = batch_rows([[np.array([1, 2, 3], dtype=np.int32), np.array([0, 4], dtype=np.int32)]], 5)
    assert batch.items.tolist() == [[1, 2, 0, 0, 0]]
    assert batch.targets.tolist() == [[2, 3, 4, 0, 0]]
    assert batch.segments.tolist() == [[1, 1, 2, 0, 0]]


def test_seen_is_what_the_same_sequence_held_up_to_each_position() -> None:
    batch = batch_rows([[np.array([1, 2, 3], dtype=np.int32), np.array([0, 4], dtype=np.int32)]], 5)
    positions, items = batch.seen(batch.segments > 0)
    assert list(zip(positions.tolist(), items.tolist(), strict=True)) == [(0, 1), (1, 1), (1, 2)]
    assert positions.dtype == torch.int64
