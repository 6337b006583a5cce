from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from services.training.steps.examples import InteractionLog
from services.training.steps.examples_packing import NO_EVENT, PackedEvents, batch_rows, of_events, pack_epoch


def random_log(users: int, longest: int, items: int = 50, seed: int = 0) -> InteractionLog:
    random = np.random.default_rng(seed)
    lengths = random.integers(0, longest + 1, users)
    owners = np.repeat(np.arange(users), lengths).astype(np.int32)
    rows = random.integers(1, items + 1, len(owners)).astype(np.int32)
    times = np.arange(len(owners), dtype=np.int64)
    return InteractionLog.from_events(np.array(["", *map(str, range(1, items + 1))]), owners, rows, times)


def sequences(packed: PackedEvents) -> list[list[list[int]]]:
    """Of each row its sequences, as events; each must lie in one piece and be read where it was a target before."""
    rows = []
    for inputs, targets, segments in zip(packed.inputs, packed.targets, packed.segments, strict=True):
        row = []
        assert np.count_nonzero(np.diff(segments)) == segments.max() - (segments[-1] > 0)
        assert set(segments[segments == 0]) <= {0}
        for number in range(1, segments.max() + 1):
            at = segments == number
            assert inputs[at][1:].tolist() == targets[at][:-1].tolist()
            row.append([int(inputs[at][0]), *targets[at].tolist()])
        assert (inputs[segments == 0] == NO_EVENT).all()
        assert (targets[segments == 0] == NO_EVENT).all()
        rows.append(row)
    return rows


@pytest.mark.parametrize("length", [1, 7, 20, 64])
def test_every_event_but_the_first_is_a_target_once_and_rows_are_full(length: int) -> None:
    log = random_log(60, 45)
    packed = pack_epoch(log, length, np.random.default_rng(0))
    rows = sequences(packed)
    histories = [sequence for row in rows for sequence in row if sequence[0] != NO_EVENT]
    starts = [sequence for row in rows for sequence in row if sequence[0] == NO_EVENT]
    # Without ties the events of a user are in the log's order.
    given = [pair for user in range(log.user_count) for pair in pairwise(range(log.starts[user], log.starts[user + 1]))]
    assert sorted(pair for sequence in histories for pair in pairwise(sequence)) == given
    users = log.users()
    assert Counter(users[target] for _, target in starts) == Counter(set(users.tolist()))
    assert all(len(sequence) == 2 for sequence in starts)
    assert packed.position_count == len(given) + len(starts)
    assert packed.position_count / packed.segments.size > 0.9


def test_long_histories_become_windows_from_the_end() -> None:
    log = InteractionLog.from_events(
        np.array(["", "a"]), np.zeros(8, dtype=np.int32), np.ones(8, dtype=np.int32), np.arange(8)
    )
    packed = pack_epoch(log, 3, np.random.default_rng(0))
    found = sorted(sequence for row in sequences(packed) for sequence in row if sequence[0] != NO_EVENT)
    assert found == [[0, 1], [1, 2, 3, 4], [4, 5, 6, 7]]


def test_only_ties_change_their_order() -> None:
    owners = np.array([0] * 8 + [1] * 2, dtype=np.int32)
    times = np.array([1, 2, 2, 2, 2, 3, 4, 4, 4, 4])
    log = InteractionLog.from_events(np.array(["", "a"]), owners, np.ones(10, dtype=np.int32), times)
    orders, others = set(), set()
    for seed in range(20):
        packed = pack_epoch(log, 20, np.random.default_rng(seed))
        first, second = sorted(found for row in sequences(packed) for found in row if found[0] != NO_EVENT)
        assert first[0] == 0
        assert sorted(first[1:5]) == [1, 2, 3, 4]
        assert first[5] == 5
        assert sorted(first[6:]) == [6, 7]
        assert sorted(second) == [8, 9]
        orders.add(tuple(first))
        others.add(tuple(second))
    assert len(orders) > 10
    assert len(others) == 2


def test_equal_seeds_pack_equally_and_others_do_not() -> None:
    log = random_log(60, 45)
    one, same, other = (pack_epoch(log, 20, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(one.inputs, same.inputs)
    assert np.array_equal(one.targets, same.targets)
    assert not np.array_equal(one.targets, other.targets)


def test_a_log_of_nothing_packs_into_no_rows() -> None:
    empty = InteractionLog(
        np.array(["", "a"]), np.zeros(3, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
    )
    assert pack_epoch(empty, 20, np.random.default_rng(0)).inputs.shape == (0, 20)


LOG = InteractionLog(
    np.array(["", *"abcd"]), np.array([0, 3, 4]), np.array([1, 2, 3, 4], dtype=np.int32), np.arange(4, dtype=np.int64)
)
PACKED = PackedEvents(
    inputs=np.array([[0, 1, -1, -1, -1]]),
    targets=np.array([[1, 2, 3, -1, -1]]),
    segments=np.array([[1, 1, 2, 0, 0]]),
)


def test_any_column_is_gathered_by_events() -> None:
    values = np.array([0.5, 1.5, 2.5, 3.5], dtype=np.float32)
    gathered = of_events(values, PACKED.inputs, np.nan)
    assert gathered.dtype == np.float32
    np.testing.assert_array_equal(gathered, [[0.5, 1.5, np.nan, np.nan, np.nan]])
    assert of_events(values[:0], np.array([[-1]])).tolist() == [[0]]


def test_tensors_of_packed_rows() -> None:
    batch = batch_rows(LOG, PACKED)
    assert batch.items.tolist() == [[1, 2, 0, 0, 0]]
    assert batch.targets.tolist() == [[2, 3, 4, 0, 0]]
    assert batch.segments.tolist() == [[1, 1, 2, 0, 0]]
    assert batch.items.dtype == batch.targets.dtype == batch.segments.dtype == torch.int64


def test_seen_is_what_the_same_sequence_held_up_to_each_position() -> None:
    batch = batch_rows(LOG, PACKED)
    positions, items = batch.seen(batch.segments > 0)
    assert list(zip(positions.tolist(), items.tolist(), strict=True)) == [(0, 1), (1, 1), (1, 2)]
    assert positions.dtype == torch.int64
