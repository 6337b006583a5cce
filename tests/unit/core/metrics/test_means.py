from __future__ import annotations

import numpy as np
import pytest

from services.core.metrics import means


def test_mean_and_its_standard_error_by_hand() -> None:
    values = np.array([1.0, 0.0, 0.0, 1.0])
    assert means.mean(values) == 0.5
    assert means.standard_error(values) == pytest.approx(0.5 / 4**0.5)
    assert means.standard_error(np.array([0.3, 0.3])) == 0.0


def test_the_standard_error_is_the_spread_of_means_of_other_users() -> None:
    random = np.random.default_rng(0)
    samples = random.random((2_000, 50))
    errors = [means.standard_error(sample) for sample in samples]
    assert np.mean(errors) == pytest.approx(samples.mean(axis=1).std(), rel=0.05)


def test_figures_have_their_errors_beside_them() -> None:
    figures = means.with_standard_errors({"recall@10": np.array([1.0, 0.0]), "mrr@10": np.zeros(0)})
    assert figures == {
        "recall@10": 0.5,
        "recall@10_se": pytest.approx(0.5 / 2**0.5),
        "mrr@10": 0.0,
        "mrr@10_se": 0.0,
    }
