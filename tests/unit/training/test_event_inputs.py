from __future__ import annotations

import numpy as np
import pytest
import torch

from services.training.model.event_inputs import NOTHING, EventInputs, EventScale
from services.training.steps.event_scale import event_scale
from services.training.steps.examples import InteractionLog
from services.training.steps.examples_packing import PackedEvents, batch_rows

SCALE = EventScale(types=True, value_mean=3.0, value_deviation=2.0, gaps=True)


@torch.no_grad()
def inputs_of(event: list[float], scale: EventScale = SCALE) -> dict[int, float]:
    """What the matrix is multiplied with: number of the row and factor, where it is not 0."""
    module = EventInputs(22, scale)
    module.matrix.copy_(torch.eye(22))
    found = module(torch.tensor([event]))[0]
    return {place: pytest.approx(float(value), abs=1e-6) for place, value in enumerate(found) if value}


def test_types_values_and_gaps_have_inputs_of_their_own() -> None:
    assert inputs_of([2, 0, 0, 0]) == {1: 1}
    # A rating of 4 is half a deviation above the mean.
    assert inputs_of([6, 1, 4, 0]) == {5: 1, 8: 1, 9: 0.5, 10: 0.25}
    # Knots at 1, 4, 7 …: 5 is two thirds at the second and a third at the third.
    assert inputs_of([0, 0, 0, 5]) == {12: 2 / 3, 13: 1 / 3}
    assert inputs_of([0, 1, 300, 0]) == {8: 1, 9: 3, 10: 9}, "no value weighs more than three deviations"


def test_what_says_nothing_is_not_read() -> None:
    assert inputs_of([0, 0, 0, 0]) == {}
    assert inputs_of([6, 1, 4, 5], NOTHING) == {}
    assert inputs_of([6, 1, 4, 5], EventScale(gaps=True)) == {12: 2 / 3, 13: 1 / 3}


def test_an_event_says_nothing_before_it_has_been_learnt() -> None:
    assert not EventInputs(8, SCALE)(torch.tensor([[6.0, 1, 4, 5]])).any()


def log_of(times: list[int], types: list[int], values: list[float]) -> InteractionLog:
    count = len(times)
    ids = np.array(["", *map(str, range(count))])
    return InteractionLog(
        ids,
        np.array([0, count]),
        np.arange(1, count + 1, dtype=np.int32),
        np.array(times, np.int64) * 1_000_000,
        np.array(values, np.float32),
        types=np.array(types, np.int8),
    )


def test_only_what_differs_is_read() -> None:
    squares = [place * place for place in range(12)]
    assert event_scale(log_of(squares, [6] * 12, [4.0] * 12)) == EventScale(gaps=True)
    assert event_scale(log_of(list(range(12)), [6, 2] * 6, [1.0, 5.0] * 6)) == EventScale(True, 3.0, 2.0)
    nothing = log_of([0] * 12, [6] * 12, [np.nan] * 12)
    assert event_scale(nothing) == NOTHING


def test_packed_rows_tell_of_events_what_serving_tells() -> None:
    log = log_of([0, 1, 8, 8, 100], [2, 6, 6, 6, 2], [np.nan, 2.0, 5.0, np.nan, np.nan])
    packed = PackedEvents(
        inputs=np.array([[0, 1, 2, -1, 3, -1]]),
        targets=np.array([[1, 2, 3, 4, 4, -1]]),
        segments=np.array([[1, 1, 1, 2, 3, 0]]),
    )
    events = batch_rows(log, packed).events
    assert events.dtype == torch.float32
    np.testing.assert_array_equal(events[0, :3], log.events(0, np.array([0, 1, 2])))
    assert not events[0, 3].any()
    np.testing.assert_array_equal(events[0, 4], log.events(0, np.array([3]))[0])
    assert not events[0, 5].any()
