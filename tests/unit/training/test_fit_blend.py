from __future__ import annotations

import numpy as np

from services.core.sources.source import History, Retrieved
from services.training.model.blend import Blend
from services.training.steps.evaluate import RankedUser, ranked_rows
from services.training.steps.fit_blend import fit_blend

SOURCES = ("popularity", "item_knn", "sequence")
CANDIDATES = np.arange(1, 41, dtype=np.int32)


def users_and_targets(signal: float, count: int = 200) -> tuple[list[RankedUser], np.ndarray]:
    """Users whose taste is noise around the target, and whose second feature tells of it as strongly as ``signal``."""
    random = np.random.default_rng(0)
    users, targets = [], random.integers(1, 41, count).astype(np.int32)
    for target in targets:
        is_target = target == CANDIDATES
        features = np.abs(random.normal(size=(40, 3))).astype(np.float32)
        features[:, 1] += signal * is_target
        taste = (random.normal(size=40) + 1.5 * is_target).astype(np.float32)
        none: dict[str, Retrieved] = {}
        users.append(RankedUser(History.of(np.array([1])), np.array([1]), none, CANDIDATES, features, taste))
    return users, targets


def test_a_source_that_knows_something_gets_a_weight_and_the_encoders_own_score_none() -> None:
    users, targets = users_and_targets(signal=4.0)
    fitted = fit_blend(users, targets, SOURCES, seed=0)
    assert fitted.strength > 0
    assert fitted.blend.weights[1] > 0.5
    assert abs(fitted.blend.weights[0]) < 0.5 * fitted.blend.weights[1]
    assert fitted.blend.weights[2] == 0.0


def test_what_only_fits_its_own_examples_is_switched_off() -> None:
    users, targets = users_and_targets(signal=0.0, count=30)
    fitted = fit_blend(users, targets, SOURCES, seed=0)
    off = Blend(np.zeros(3, dtype=np.float32), fitted.blend.scales)
    if fitted.strength == 0.0:
        assert not fitted.blend.weights.any()
        assert all((a == ranked_rows(user, off)).all() for a, user in zip(fitted.lists, users, strict=True))
    else:
        assert abs(fitted.blend.weights).max() < 1.0


def test_nobodys_target_among_the_candidates_means_no_blend() -> None:
    users, targets = users_and_targets(signal=4.0, count=20)
    fitted = fit_blend(users, targets + 100, SOURCES, seed=0)
    assert not fitted.blend.weights.any()


def test_knowing_nothing_adds_nothing() -> None:
    blend = Blend(np.array([2.0, -1.0], dtype=np.float32), np.array([3.0, 0.5], dtype=np.float32))
    assert blend.add(np.zeros((4, 2), dtype=np.float32)).tolist() == [0.0] * 4
    np.testing.assert_allclose(
        blend.add(np.array([[3.0, 0.5]], dtype=np.float32)), [2 * np.log(2) - np.log(2)], rtol=1e-6
    )
