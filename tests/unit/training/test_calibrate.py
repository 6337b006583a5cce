from __future__ import annotations

import numpy as np
import pytest

from services.training.steps.calibrate import Calibration, calibrate


def test_two_scores_get_the_shares_that_were_taken() -> None:
    # 100 of score 2, 20 taken; 400 of score 0, 4 taken: log-odds of 1/4 and of 1/99.
    scores = np.repeat([2.0, 0.0], [100, 400])
    taken = np.concatenate([np.arange(100) < 20, np.arange(400) < 4])
    found = calibrate(scores, taken)
    assert found.offset == pytest.approx(np.log(1 / 99), abs=1e-3)
    assert found.scale == pytest.approx((np.log(1 / 4) - np.log(1 / 99)) / 2, abs=1e-3)
    np.testing.assert_allclose(found.probabilities(np.array([2.0, 0.0])), [0.2, 0.01], atol=1e-3)


def test_a_planted_calibration_is_found() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(5.0, 3.0, size=50_000)
    planted = Calibration(0.7, -6.0)
    found = calibrate(scores, random.random(len(scores)) < planted.probabilities(scores))
    assert (found.scale, found.offset) == (pytest.approx(0.7, abs=0.03), pytest.approx(-6.0, abs=0.2))


@pytest.mark.parametrize(
    ("scores", "taken"),
    [([1.0, 1.0, 1.0, 1.0], [1, 0, 0, 0]), ([1.0, 2.0, 3.0, 4.0], [1, 0, 0, 0]), ([1.0, 2.0], [0, 0]), ([], [])],
    ids=["all alike", "the wrong way round", "nothing taken", "nothing"],
)
def test_scores_that_say_nothing_get_the_share_that_was_taken(scores: list[float], taken: list[int]) -> None:
    found = calibrate(np.array(scores), np.array(taken, dtype=np.bool_))
    assert found.scale == 0.0
    rate = (sum(taken) + 1) / (len(taken) + 2)
    np.testing.assert_allclose(found.probabilities(np.array([7.0])), [rate])


def test_perfect_scores_stay_finite() -> None:
    scores = np.array([0.0] * 50 + [1.0] * 50)
    found = calibrate(scores, scores > 0)
    assert np.isfinite([found.scale, found.offset]).all()
    assert (found.probabilities(np.array([0.0, 1.0])) > 0.5).tolist() == [False, True]
