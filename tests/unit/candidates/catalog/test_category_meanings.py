from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from services.candidates.catalog.category_meanings import CategoryMeanings
from services.candidates.catalog.category_sets import CategorySetBuilder, CategorySets

WIDTH = 8


@pytest.fixture
def catalogue() -> tuple[np.ndarray, np.ndarray, CategorySets]:
    """Two hundred texts: "first" is had by those that are large in the first place, "rare" by nine at random."""
    random = np.random.default_rng(0)
    texts = random.normal(size=(200, WIDTH)).astype(np.float32)
    sets = CategorySetBuilder()
    numbers = [
        sets.number_of([*(["first"] if text[0] > 0.5 else []), *(["rare"] if row < 9 else []), "all"])
        for row, text in enumerate(texts)
    ]
    return texts, np.array(numbers, np.int32), sets.build()


def test_it_is_the_ridge_regression_of_the_categories_on_the_texts(
    catalogue: tuple[np.ndarray, np.ndarray, CategorySets],
) -> None:
    texts, numbers, sets = catalogue
    meanings = CategoryMeanings.fit(texts, numbers, sets)
    place = sets.names.tolist().index("first")
    ridge = Ridge(alpha=20.0).fit(texts, texts[:, 0] > 0.5)
    foretold = ridge.predict(texts)
    phrases = np.random.default_rng(1).normal(size=(50, WIDTH)).astype(np.float32)
    expected = np.maximum((ridge.predict(phrases) - foretold.mean()) / foretold.std() - 1, 0)
    np.testing.assert_allclose([meanings.of(phrase)[place] for phrase in phrases], expected, atol=1e-3)
    assert expected.max() > 0.5


def test_what_few_or_all_items_have_is_never_meant(catalogue: tuple[np.ndarray, np.ndarray, CategorySets]) -> None:
    meanings = CategoryMeanings.fit(*catalogue)
    names = catalogue[2].names.tolist()
    for phrase in catalogue[0]:
        assert meanings.of(phrase)[names.index("rare")] == 0
        assert meanings.of(phrase)[names.index("all")] == 0
    assert CategoryMeanings.none(WIDTH).of(catalogue[0][0]).shape == (0,)


def test_no_texts_mean_nothing(catalogue: tuple[np.ndarray, np.ndarray, CategorySets]) -> None:
    nothing = CategoryMeanings.fit(np.empty((0, WIDTH), np.float32), np.empty(0, np.int32), catalogue[2])
    assert not nothing.of(catalogue[0][0]).any()
