from __future__ import annotations

import numpy as np
import pytest

from services.training.steps.head_figures import head_figures
from services.training.steps.served_lists import ServedLists


def test_figures_by_hand() -> None:
    none = np.zeros((2, 100), np.int32)
    candidates = np.zeros((2, 500), np.int32)
    candidates[0, :4], candidates[1, :2] = [3, 1, 2, 9], [2, 3]
    # Three of the merged candidates were ranked; the second user has two.
    probabilities = np.array([[0.8, 0.2, 0.1], [0.3, 0.4, 0.0]], np.float32)
    found = head_figures(ServedLists({}, candidates, none, none, probabilities), np.array([3, 2], np.int32))
    engage = found["engage"]
    assert (engage["examples"], engage["positives"]) == (5, 2)
    # Taken: 0.8 and 0.3. Pairs in the right order: 3 of 3 and 2 of 3.
    assert engage["auc"] == pytest.approx(5 / 6)
    assert engage["accuracy"] == 0.8
    logs = np.log([0.8, 0.8, 0.9, 0.3, 0.6])
    assert engage["log_loss"] == pytest.approx(-logs.mean(), rel=1e-6)
    assert sum(row["count"] for row in engage["reliability"]) == 5
    assert found["engage, the 10 most likely"]["examples"] == 5


def test_the_most_likely_are_looked_at_alone() -> None:
    none = np.zeros((1, 100), np.int32)
    candidates = np.zeros((1, 500), np.int32)
    candidates[0, :30] = np.arange(1, 31)
    probabilities = np.linspace(0.01, 0.3, 30, dtype=np.float32)[None]
    found = head_figures(ServedLists({}, candidates, none, none, probabilities), np.array([30], np.int32))
    top = found["engage, the 10 most likely"]
    assert (top["examples"], top["positives"]) == (10, 1)
    assert found["engage"]["examples"] == 30
