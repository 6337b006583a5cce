from __future__ import annotations

import numpy as np
import pytest

from services.training.steps.examples import InteractionLog, hold_out_last
from services.training.steps.repeats import Repeats


def log_of(*sequences: list[int], items: int) -> InteractionLog:
    users = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences]).astype(np.int32)
    rows = np.array([row for sequence in sequences for row in sequence], dtype=np.int32)
    ids = np.array(["", *map(str, range(1, items + 1))])
    return InteractionLog.from_events(ids, users, rows, np.arange(len(rows), dtype=np.int64))


def repeats_of(*sequences: list[int], items: int) -> Repeats | None:
    log = log_of(*sequences, items=items)
    return Repeats.of(log.starts, log.rows, log.item_count)


def copied_sequence(decay: float, length: int, random: np.random.Generator, items: int = 400) -> list[int]:
    """Half new, half taken again by d^-decay, d the number of other items taken since."""
    latest_first, sequence = [1, 2], [2, 1]
    while len(sequence) < length:
        if random.random() < 0.5:
            row = int(random.integers(1, items + 1))
        else:
            chances = np.arange(1, len(latest_first)) ** -decay
            row = latest_first[1 + random.choice(len(chances), p=chances / chances.sum())]
        if row == sequence[-1]:
            continue
        sequence.append(row)
        latest_first = [row, *(other for other in latest_first if other != row)]
    return sequence


def test_shares_and_rates_by_hand() -> None:
    # User 0 takes 1 again, twice; the rating after the click of item 2 is no second taking. User 1 repeats nothing.
    found = repeats_of([1, 2, 2, 1, 3, 1], [3, 2], items=4)
    assert found is not None
    assert found.share == pytest.approx(2 / 7)
    mean = 2 / 7
    wanted = [0, (2 + 10 * mean) / 13, 10 * mean / 12, 10 * mean / 12, mean]
    np.testing.assert_allclose(found.rates, wanted, rtol=1e-6)


def test_no_repeats_are_none() -> None:
    assert repeats_of([1, 2, 3], [3, 2], items=3) is None
    assert repeats_of([1, 1, 2, 2], [2, 1], items=2) is None
    assert repeats_of(items=2) is None


@pytest.mark.parametrize("decay", [0.0, 1.0, 1.75])
def test_the_decay_of_the_copying_model_is_found_again(decay: float) -> None:
    random = np.random.default_rng(0)
    found = repeats_of(*(copied_sequence(decay, 60, random) for _ in range(60)), items=400)
    assert found is not None
    assert found.decay == pytest.approx(decay, abs=0.16)


def test_the_log_without_repeats_tells_of_them_and_so_do_its_parts() -> None:
    log = log_of([1, 2, 1], [2, 3], items=3).without_repeats()
    assert log.repeats is not None
    assert log.repeats.share == pytest.approx(1 / 5)
    assert log.without_repeats().repeats is log.repeats
    assert hold_out_last(log).log.repeats is log.repeats
    assert log_of([1, 2], [2, 3], items=3).without_repeats().repeats is None
