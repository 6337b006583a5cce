from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import BundleError, build_bundle, bundle_path
from services.core.content_map import FACTOR_MEAN, SPACE, ContentMap
from services.core.content_space import CATEGORIES, ContentSpace, ItemContent
from services.core.cooccurrence import FACTORS, Cooccurrence

ITEMS, WIDTH, FACTOR_COUNT = 300, 4, 3


@pytest.fixture
def items() -> np.ndarray:
    """float32 [N, D + C], of vectors and factors that are not alike and have means that are not zero."""
    random = np.random.default_rng(0)
    mixed = random.normal(size=(WIDTH + FACTOR_COUNT, WIDTH + FACTOR_COUNT))
    return (random.normal(size=(ITEMS, WIDTH + FACTOR_COUNT)) @ mixed + 1.0).astype(np.float32)


def of_items(items: np.ndarray, weight: float = 1.0) -> Cooccurrence:
    factors = np.concatenate([np.zeros((1, FACTOR_COUNT), np.float32), items[:, WIDTH:]])
    covariance = np.cov(items, rowvar=False, bias=True).astype(np.float32)
    return Cooccurrence(factors, weight, items.mean(axis=0), covariance, np.ones((2, FACTOR_COUNT), np.float32))


def products(queries: np.ndarray, items: np.ndarray) -> np.ndarray:
    return queries @ np.concatenate([items, np.ones((len(items), 1), np.float32)], axis=1).T


def test_logits_keep_the_level_and_the_spread_that_the_vectors_give(items: np.ndarray) -> None:
    cooccurrence = of_items(items)
    users = np.random.default_rng(1).normal(size=(5, WIDTH)).astype(np.float32) * [[1], [3], [9], [1], [1]]
    histories = [np.array(rows, np.int32) for rows in ([1], [2, 3], [4, 5, 6], [7, 7], [])]
    taken = cooccurrence.taken(histories)
    np.testing.assert_allclose(taken[1], items[1:3, WIDTH:].sum(axis=0), rtol=1e-5)
    assert cooccurrence.taken([]).shape == (0, FACTOR_COUNT)
    logits = products(cooccurrence.queries(users.astype(np.float32), taken), items)
    own = users @ items[:, :WIDTH].T
    np.testing.assert_allclose(logits.mean(axis=1), own.mean(axis=1), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(logits.std(axis=1), own.std(axis=1), rtol=1e-3)
    # Both halves count the same at a weight of 1; of somebody of whom nothing was read, the vectors alone.
    standard = [(rows - rows.mean()) / rows.std() for rows in (own[1], taken[1] @ items[:, WIDTH:].T)]
    both = (standard[0] + standard[1]) / (standard[0] + standard[1]).std()
    np.testing.assert_allclose((logits[1] - logits[1].mean()) / logits[1].std(), both, atol=1e-2)
    np.testing.assert_allclose(logits[4], own[4], rtol=1e-3, atol=1e-3)


def test_a_content_map_foretells_the_factors_and_keeps_them(tmp_path: Path, items: np.ndarray) -> None:
    space = ContentSpace({}, ("a", "b"), {}, {CATEGORIES: 1.0})
    contents = [ItemContent({}, (name,)) for name in ("a", "b")]
    weights = np.random.default_rng(2).normal(size=(2, WIDTH + FACTOR_COUNT)).astype(np.float32)
    users = np.ones((2, WIDTH), np.float32)
    cooccurrence = of_items(items, 2.0)
    made = ContentMap(space, space.features(contents), weights, cooccurrence.mean, 2.0, users, cooccurrence)
    assert made.width == WIDTH
    vectors = made.vectors(contents)
    assert vectors.shape == (2, WIDTH + FACTOR_COUNT + 1)
    plain = replace(made, weights=weights[:, :WIDTH], mean=made.mean[:WIDTH], cooccurrence=None)
    np.testing.assert_allclose(vectors[:, :WIDTH], plain.vectors(contents), rtol=1e-6)
    assert plain.queries(users, []) is users
    assert plain.fits(7)

    with build_bundle(tmp_path, "7") as draft:
        made.save(draft)
        draft.seal(item_count=0, sources=(), models={}, metrics={})
    path = bundle_path(tmp_path, "7")
    loaded = ContentMap.load(path)
    assert loaded is not None
    history = [np.array([1, 2], np.int32)] * 2
    np.testing.assert_array_equal(loaded.queries(users, history), made.queries(users, history))
    np.testing.assert_array_equal(loaded.public_queries(), made.public_queries())
    assert loaded.fits(ITEMS)
    assert not loaded.fits(ITEMS + 1)
    np.save(path / FACTORS, np.zeros((ITEMS + 1, FACTOR_COUNT + 1), np.float32))
    with pytest.raises(BundleError, match="does not fit"):
        ContentMap.load(path)
    np.save(path / FACTOR_MEAN, np.zeros(FACTOR_COUNT + 1, np.float32))
    with pytest.raises(BundleError, match="does not fit"):
        ContentMap.load(path)
    # As older services read it, which know nothing of what they do not look for.
    raw = json.loads((path / SPACE).read_text())
    del raw["cooccurrence"]
    (path / SPACE).write_text(json.dumps(raw))
    older = ContentMap.load(path)
    assert older is not None
    np.testing.assert_array_equal(older.vectors(contents), plain.vectors(contents))
