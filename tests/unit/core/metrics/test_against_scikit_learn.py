"""Metrics against scikit-learn on random numbers: heads, NDCG of a whole catalogue, evenness, surprise, variety."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.core.metrics import by_user, classification, regression, variety
from tests.unit.core.metrics.random_lists import random_lists

SEEDS = (0, 1, 2)


def random_head(seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Labels and probabilities of a head that knows something; half of the probabilities are ties."""
    random = np.random.default_rng(seed)
    probabilities = random.random(500)
    probabilities[::2] = np.round(probabilities[::2], 2)
    return random.random(500) < probabilities**2, np.clip(probabilities, 0.001, 0.999)


@pytest.mark.parametrize("seed", SEEDS)
def test_engage_head(seed: int) -> None:
    from sklearn import metrics

    labels, probabilities = random_head(seed)
    assert classification.auc(labels, probabilities) == pytest.approx(metrics.roc_auc_score(labels, probabilities))
    assert classification.log_loss(labels, probabilities) == pytest.approx(metrics.log_loss(labels, probabilities))
    for threshold in (0.3, 0.5):
        found = classification.accuracy(labels, probabilities, threshold)
        assert found == pytest.approx(metrics.accuracy_score(labels, probabilities >= threshold))


def test_a_missing_class_has_no_auc_there_and_a_half_here() -> None:
    from sklearn import metrics
    from sklearn.exceptions import UndefinedMetricWarning

    labels, scores = np.ones(3, dtype=np.bool_), np.array([0.1, 0.2, 0.3])
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(metrics.roc_auc_score(labels, scores))
    assert classification.auc(labels, scores) == 0.5


@pytest.mark.parametrize("bins", [5, 10, 16])
@pytest.mark.parametrize("seed", SEEDS)
def test_reliability(seed: int, bins: int) -> None:
    from sklearn.calibration import calibration_curve

    # No ties: on the edge between two bins scikit-learn takes the lower one, the table here the upper one.
    labels, probabilities = (column[1::2] for column in random_head(seed))
    shares, means = calibration_curve(labels, probabilities, n_bins=bins)
    table = classification.reliability(labels, probabilities, bins)
    np.testing.assert_allclose([row.share_positive for row in table], shares)
    np.testing.assert_allclose([row.mean_probability for row in table], means)
    counts, _ = np.histogram(probabilities, bins, (0, 1))
    expected = np.average(np.abs(shares - means), weights=counts[counts > 0])
    assert classification.calibration_error(labels, probabilities, bins) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_rating_head(seed: int) -> None:
    from sklearn import metrics

    random = np.random.default_rng(seed)
    wanted, predicted = random.integers(1, 6, 300).astype(np.float32), random.normal(3, 1, 300).astype(np.float32)
    found = [
        regression.mean_squared_error(wanted, predicted),
        regression.root_mean_squared_error(wanted, predicted),
        regression.mean_absolute_error(wanted, predicted),
    ]
    exact = (wanted.astype(np.float64), predicted.astype(np.float64))
    assert found == pytest.approx(
        [
            metrics.mean_squared_error(*exact),
            metrics.root_mean_squared_error(*exact),
            metrics.mean_absolute_error(*exact),
        ]
    )


@pytest.mark.parametrize("count", [1, 5, 10, 40])
def test_ndcg_of_the_whole_catalogue_in_order(count: int) -> None:
    from sklearn.metrics import ndcg_score

    lists, relevant = random_lists(count, users=50, items=40, length=40, full=True)
    scores, gains = np.zeros((len(lists), 41)), np.zeros((len(lists), 41))
    np.put_along_axis(scores, lists, np.arange(40, 0, -1)[None, :], axis=1)
    np.put_along_axis(gains, relevant, 1.0, axis=1)
    expected = [ndcg_score(gains[user : user + 1, 1:], scores[user : user + 1, 1:], k=count) for user in range(50)]
    np.testing.assert_allclose(by_user.ndcg(lists, relevant, count), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_gini_is_what_the_lorenz_curve_leaves_of_the_triangle(seed: int) -> None:
    from sklearn.metrics import auc

    lists, _ = random_lists(seed, items=60)
    shown = np.sort(np.bincount(lists[:, :10].ravel(), minlength=71)[1:])
    lorenz = np.concatenate([[0], np.cumsum(shown)]) / shown.sum()
    assert variety.gini(lists, 70, 10) == pytest.approx(1 - 2 * auc(np.arange(71) / 70, lorenz))


@pytest.mark.parametrize("seed", SEEDS)
def test_novelty_is_the_log_loss_of_betting_on_what_was_taken(seed: int) -> None:
    from sklearn.metrics import log_loss

    lists, _ = random_lists(seed)
    counts = np.random.default_rng(seed).integers(0, 30, 41)
    shown = lists[:, :10][lists[:, :10] > 0]
    shares = (counts[1:] + 1) / (counts[1:] + 1).sum()
    nats = log_loss(shown, np.tile(shares, (len(shown), 1)), labels=np.arange(1, 41))
    assert variety.novelty(lists, counts, 10) == pytest.approx(nats / np.log(2))


@pytest.mark.parametrize("seed", SEEDS)
def test_diversity_is_the_mean_cosine_distance(seed: int) -> None:
    from sklearn.metrics.pairwise import cosine_distances

    lists, _ = random_lists(seed, users=50)
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(41, 8)) * (random.random((41, 8)) < 0.4)
    vectors[5] = 0.0
    expected = []
    for row in lists[:, :10]:
        items = row[row > 0]
        if len(items) > 1:
            expected.append(cosine_distances(vectors[items])[np.triu_indices(len(items), 1)].mean())
    assert variety.intra_list_diversity(lists, vectors, 10) == pytest.approx(np.mean(expected))
    vectors[0] = 0.0
    rows, codes = np.nonzero(vectors)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=41))])
    sparse = variety.SparseVectors(starts, codes, vectors[rows, codes], 8)
    assert variety.attribute_diversity(lists, sparse, 10) == pytest.approx(np.mean(expected))
