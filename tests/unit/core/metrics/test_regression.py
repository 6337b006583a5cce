from __future__ import annotations

import numpy as np
import pytest

from services.core.metrics import regression

WANTED, PREDICTED = np.array([4.0, 2.0, 5.0, 1.0]), np.array([3.0, 2.0, 5.5, 3.0])


def test_errors_by_hand() -> None:
    assert regression.mean_squared_error(WANTED, PREDICTED) == pytest.approx((1 + 0 + 0.25 + 4) / 4)
    assert regression.root_mean_squared_error(WANTED, PREDICTED) == pytest.approx(1.3125**0.5)
    assert regression.mean_absolute_error(WANTED, PREDICTED) == pytest.approx((1 + 0 + 0.5 + 2) / 4)


def test_no_examples_is_zero() -> None:
    none = np.zeros(0)
    assert regression.mean_squared_error(none, none) == regression.mean_absolute_error(none, none) == 0.0
    assert regression.root_mean_squared_error(none, none) == 0.0
