"""The text space and the taste in it."""

from __future__ import annotations

import numpy as np

from services.core.text_space import MOST_DIRECTIONS, TextSpace, taste


def texts(count: int, width: int, seed: int = 0) -> np.ndarray:
    """Vectors of very different spread by direction, and a large part that all have in common."""
    random = np.random.default_rng(seed)
    made = random.normal(size=(count, width)) * np.linspace(3.0, 0.1, width) + 5.0
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def test_no_direction_is_louder_than_another() -> None:
    vectors = texts(400, 24)
    space = TextSpace.fit(vectors)
    assert space is not None
    white = (vectors - space.centre) @ space.directions
    np.testing.assert_allclose(np.cov(white, rowvar=False), np.eye(24), atol=0.01)
    placed = space.place(vectors)
    np.testing.assert_allclose(np.linalg.norm(placed, axis=1), 1.0, atol=1e-5)
    assert np.abs(placed.mean(axis=0)).max() < 0.05, "what all have in common is gone"


def test_few_texts_have_few_directions_and_the_fewest_none() -> None:
    assert TextSpace.fit(texts(3, 24)) is None
    few = TextSpace.fit(texts(40, 24))
    assert few is not None
    assert few.directions.shape == (24, 10)
    many = TextSpace.fit(texts(2_000, 200))
    assert many is not None
    assert many.directions.shape == (200, MOST_DIRECTIONS)


def test_equal_texts_and_directions_without_spread_give_finite_places() -> None:
    same = np.tile(texts(1, 24), (50, 1))
    space = TextSpace.fit(same)
    assert space is not None
    assert np.isfinite(space.place(same)).all()
    flat = texts(200, 24)
    flat[:, 3:] = 0
    space = TextSpace.fit(flat)
    assert space is not None
    assert space.directions.shape[1] <= 3
    assert np.isfinite(space.place(texts(5, 24, seed=1))).all()


def test_what_was_taken_last_counts_most() -> None:
    old, new = np.eye(2, dtype=np.float32)
    np.testing.assert_allclose(taste(np.stack([old, new])), [2.0**-0.7, 1.0], rtol=1e-6)
