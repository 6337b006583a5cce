from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.metrics import classification
from services.core.metrics.classification import ReliabilityBin

LABELS = np.array([True, False, True, False])
PROBABILITIES = np.array([0.9, 0.6, 0.4, 0.1])


def test_accuracy_by_hand() -> None:
    assert classification.accuracy(LABELS, PROBABILITIES) == 0.5
    assert classification.accuracy(LABELS, PROBABILITIES, threshold=0.4) == 0.75


def test_auc_by_hand() -> None:
    # Pairs: .9>.6, .9>.1, .4<.6, .4>.1.
    assert classification.auc(LABELS, PROBABILITIES) == 0.75
    assert classification.auc(np.array([True, False]), np.array([1.0, 1.0])) == 0.5
    assert classification.auc(np.array([True, True]), np.array([1.0, 2.0])) == 0.5


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=30))
def test_auc_is_the_share_of_pairs_in_order(examples: list[tuple[bool, int]]) -> None:
    positive = [score for label, score in examples if label]
    negative = [score for label, score in examples if not label]
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    found = classification.auc(
        np.array([label for label, _ in examples], dtype=np.bool_), np.array([float(score) for _, score in examples])
    )
    assert found == pytest.approx(np.mean(pairs) if pairs else 0.5)


def test_log_loss_by_hand() -> None:
    wanted = -(math.log(0.9) + math.log(0.4) + math.log(0.4) + math.log(0.9)) / 4
    assert classification.log_loss(LABELS, PROBABILITIES) == pytest.approx(wanted)
    sure = classification.log_loss(np.array([True]), np.array([0.0]))
    assert sure == pytest.approx(-math.log(1e-15))


def test_calibration_error_by_hand() -> None:
    labels = np.array([True, True, False, False, True])
    probabilities = np.array([0.95, 1.0, 0.92, 0.15, 0.1])
    # Last bin: 3 of 5, label mean 2/3, promised 2.87/3. Second bin: 2 of 5, label mean 1/2, promised 0.125.
    wanted = 3 / 5 * abs(2 / 3 - 2.87 / 3) + 2 / 5 * abs(0.5 - 0.125)
    assert classification.calibration_error(labels, probabilities) == pytest.approx(wanted)
    assert classification.calibration_error(np.array([True, False]), np.array([0.5, 0.5])) == 0.0


def test_the_reliability_table_by_hand() -> None:
    labels = np.array([True, True, False, False, True])
    probabilities = np.array([0.95, 1.0, 0.92, 0.15, 0.1])
    assert classification.reliability(labels, probabilities) == [
        ReliabilityBin(0.1, 0.2, 2, pytest.approx(0.125), pytest.approx(1 / 2)),
        ReliabilityBin(0.9, 1.0, 3, pytest.approx(2.87 / 3), pytest.approx(2 / 3)),
    ]


@pytest.mark.parametrize("bins", [10, 100])
def test_a_probability_on_an_edge_belongs_to_the_bin_above(bins: int) -> None:
    # 0.29 · 100 is a little less than 29 in floating point: counting by the product would misplace it.
    edges = np.arange(bins) / bins
    table = classification.reliability(np.ones(bins, dtype=np.bool_), edges, bins)
    assert [(row.lower, row.count) for row in table] == [(edge, 1) for edge in edges]


def test_certain_and_right_is_without_error() -> None:
    labels = np.array([True, False])
    assert classification.calibration_error(labels, np.array([1.0, 0.0])) == 0.0
    assert classification.log_loss(labels, np.array([1.0, 0.0])) == pytest.approx(0.0, abs=1e-14)
    assert classification.calibration_error(labels, np.array([0.0, 1.0])) == 1.0


def test_float32_is_judged_as_it_is() -> None:
    labels = np.array([True, False, True])
    probabilities = np.array([0.7, 0.2, 0.999], dtype=np.float32)
    for metric in (classification.auc, classification.log_loss, classification.calibration_error):
        assert metric(labels, probabilities) == pytest.approx(metric(labels, probabilities.astype(np.float64)))


def test_no_examples_is_zero() -> None:
    none, nothing = np.zeros(0, dtype=np.bool_), np.zeros(0)
    for metric in (classification.accuracy, classification.log_loss, classification.calibration_error):
        assert metric(none, nothing) == 0.0
    assert classification.auc(none, nothing) == 0.5
    assert classification.reliability(none, nothing) == []
