from __future__ import annotations

from dataclasses import replace

import numpy as np

from services.core.sources.source import History, Retrieved
from services.training.model.blend import Blend
from services.training.steps.blend_network import joined
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


def test_a_source_that_knows_something_counts_and_the_encoders_own_score_does_not_count_twice() -> None:
    users, targets = users_and_targets(signal=4.0)
    fitted = fit_blend(users, targets, SOURCES, seed=0)
    assert fitted.kind in {"sum", "network"}
    assert fitted.ndcg[fitted.kind] > fitted.ndcg["off"] + 0.1
    assert fitted.blend.linear[3] == 0.0
    assert not fitted.blend.hidden[3].any()
    taste, none = np.zeros(2, dtype=np.float32), np.zeros((2, 3), dtype=np.float32)
    known = none.copy()
    known[1, 1] = 5.0
    scores = fitted.blend.scores(taste, known, 1)
    assert scores[1] > scores[0] + 0.5


def test_where_tastes_differ_by_history_length_the_network_is_chosen() -> None:
    # The second feature tells of the target for long histories only, where it is turned into its opposite for short.
    users, targets = users_and_targets(signal=0.0, count=600)
    random = np.random.default_rng(1)
    changed = []
    for user, target in zip(users, targets, strict=True):
        long = random.random() < 0.5
        features = user.features.copy()
        features[:, 1] = 2.0
        features[:, 1] += (2.0 if long else -2.0) * (user.candidates == target)
        history = History.of(np.arange(1, 31 if long else 2))
        changed.append(RankedUser(history, user.seen, user.proposals, user.candidates, features, user.taste))
    fitted = fit_blend(changed, targets, SOURCES, seed=0)
    assert fitted.kind == "network"
    assert fitted.ndcg["network"] > fitted.ndcg["sum"] + 0.05


def test_equal_runs_give_equal_blends() -> None:
    users, targets = users_and_targets(signal=2.0, count=60)
    one, other = (fit_blend(users, targets, SOURCES, seed=3).blend for _ in range(2))
    np.testing.assert_array_equal(one.linear, other.linear)
    np.testing.assert_array_equal(one.hidden, other.hidden)


def test_what_only_fits_its_own_examples_is_switched_off() -> None:
    users, targets = users_and_targets(signal=0.0, count=30)
    fitted = fit_blend(users, targets, SOURCES, seed=0)
    assert fitted.ndcg[fitted.kind] == max(fitted.ndcg.values())
    if fitted.kind == "off":
        assert all((a == ranked_rows(user, fitted.blend)).all() for a, user in zip(fitted.lists, users, strict=True))


def test_nobodys_target_among_the_candidates_means_no_blend() -> None:
    users, targets = users_and_targets(signal=4.0, count=20)
    fitted = fit_blend(users, targets + 100, SOURCES, seed=0)
    assert fitted.kind == "off"
    taste = np.array([0.5, -1.0], dtype=np.float32)
    features = np.ones((2, 3), dtype=np.float32)
    np.testing.assert_array_equal(fitted.blend.scores(taste, features, 7), taste)


def test_knowing_nothing_adds_nothing() -> None:
    blend = Blend.of_weights(np.array([2.0, -1.0], dtype=np.float32), np.array([3.0, 0.5], dtype=np.float32))
    zeros = np.zeros(4, dtype=np.float32)
    assert blend.scores(zeros, np.zeros((4, 2), dtype=np.float32), 9).tolist() == [0.0] * 4
    np.testing.assert_allclose(
        blend.scores(zeros[:1], np.array([[3.0, 0.5]], dtype=np.float32), 9), [2 * np.log(2) - np.log(2)], rtol=1e-6
    )


def test_a_source_that_never_scores_a_candidate_changes_nothing() -> None:
    users, targets = users_and_targets(signal=2.0, count=100)
    mute = [replace(user, features=np.insert(user.features, 2, 0.0, axis=1)) for user in users]
    without = fit_blend(users, targets, SOURCES, seed=0)
    fitted = fit_blend(mute, targets, ("popularity", "item_knn", "recency", "sequence"), seed=0)
    assert without.kind != "off"
    assert fitted.kind == without.kind
    assert fitted.ndcg == without.ndcg
    assert all((one == other).all() for one, other in zip(fitted.lists, without.lists, strict=True))
    assert fitted.blend.linear[3] == 0.0
    np.testing.assert_array_equal(np.delete(fitted.blend.linear, 3), without.blend.linear)
    taste, features = np.zeros(2, dtype=np.float32), np.array([[0, 0, 0, 0], [0, 0, 5, 0]], dtype=np.float32)
    scores = fitted.blend.scores(taste, features, 3)
    assert scores[0] == scores[1], "what it says of seen items later was not learnt and does not count"


def test_joined_blends_score_their_mean() -> None:
    random = np.random.default_rng(0)
    scales = np.ones(3, dtype=np.float32)
    parts = [
        Blend(scales, *(random.normal(size=shape).astype(np.float32) for shape in (5, (5, 4), 4, 4))) for _ in range(3)
    ]
    taste, features = random.normal(size=6).astype(np.float32), random.random((6, 3)).astype(np.float32)
    mean = np.mean([part.scores(taste, features, 3) for part in parts], axis=0)
    np.testing.assert_allclose(joined(parts).scores(taste, features, 3), mean, rtol=1e-5, atol=1e-5)
