from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.core.content_space import CATEGORIES, ContentSpace, ItemContent, numbers_in, whitened

SPACE = ContentSpace(
    centres={"text": np.array([0.5, 0.0], dtype=np.float32)},
    categories=("comedy", "drama"),
    edges={"year": np.array([1980.0, 1990.0])},
    weights={"text": 0.5, CATEGORIES: 0.25, "year": 0.25},
)


def content(text: list[float], categories: tuple[str, ...] = (), year: float | None = None) -> ItemContent:
    vectors = {"text": np.array(text, dtype=np.float32)} if text else {}
    return ItemContent(vectors, categories, {} if year is None else {"year": year})


def likeness(one: ItemContent, other: ItemContent) -> float:
    features = SPACE.features([one, other])
    assert features.shape == (2, SPACE.width) == (2, 7)
    return float(features[0] @ features[1])


def test_an_item_is_wholly_like_itself() -> None:
    item = content([0.0, 3.0], ("comedy", "drama"), 1985.0)
    assert likeness(item, item) == pytest.approx(1.0)


def test_the_parts_count_by_their_weights() -> None:
    # Text: centred unit vectors (-0.5, 1) and (0.5, 0) have the cosine -0.5 / 1.118; categories: 1 / √2; year: no.
    one, other = content([0, 2], ("comedy", "drama"), 1985), content([1, 0], ("comedy",), 1995)
    assert likeness(one, other) == pytest.approx(0.5 * -0.5 / np.sqrt(1.25) + 0.25 / np.sqrt(2))
    # Both in the bin from 1980 to 1990, whose lower edge belongs to it.
    assert likeness(content([], (), 1980), content([], (), 1989)) == pytest.approx(0.25)
    assert likeness(content([], (), 1990), content([], (), 1989)) == 0.0


@pytest.mark.parametrize(
    "strange",
    [
        content([]),
        content([1.0, 2.0, 3.0]),
        content([0.0, 0.0]),
        content([np.nan, 1.0]),
        content([np.inf, 1.0]),
        content([], ("western",), np.nan),
    ],
)
def test_what_says_nothing_counts_as_missing(strange: ItemContent) -> None:
    features = SPACE.features([strange])
    np.testing.assert_array_equal(features, np.zeros((1, 7)))


def test_a_modality_may_be_whitened_beside_or_instead_of_itself() -> None:
    white = {"text": np.array([[0.0], [2.0]], dtype=np.float32)}
    both = replace(SPACE, weights={"text": 0.5, whitened("text"): 0.5, CATEGORIES: 0.0, "year": 0.0}, whitenings=white)
    one, other = content([0, 2]), content([1, 1])
    features = both.features([one, other, content([])])
    assert features.shape == (3, both.width) == (3, 8)
    # Centred unit vectors are (-0.5, 1) and (0.2071, 0.7071); of both, the direction kept says the same.
    plain = SPACE.parts([one, other])["text"]
    assert features[0] @ features[1] == pytest.approx(0.5 * float(plain[0] @ plain[1]) + 0.5)
    assert not features[2].any()
    alone = replace(both, weights={**both.weights, "text": 0.0, whitened("text"): 1.0}).without_idle_parts()
    assert (alone.width, alone.reads("text")) == (1, True)
    np.testing.assert_allclose(alone.features([one, other, content([])]), [[1], [1], [0]], rtol=1e-6)


def test_what_weighs_nothing_is_not_kept() -> None:
    left = replace(SPACE, weights={"text": 0.0, CATEGORIES: 0.0, "year": 1.0}).without_idle_parts()
    assert (left.width, left.reads("text"), left.weights) == (3, False, {CATEGORIES: 0.0, "year": 1.0})
    assert (dict(left.centres), left.categories) == ({}, ())
    item = content([0, 2], ("drama",), 1985)
    np.testing.assert_array_equal(left.features([item]), [[0, 1, 0]])


def test_numbers_are_those_that_are_finite() -> None:
    given = {"year": 1994, "length": 1.5, "new": True, "name": "x", "none": None, "bad": float("nan"), "big": 10**400}
    assert numbers_in(given) == {"year": 1994.0, "length": 1.5}
    assert len(numbers_in({f"n{place:03}": place for place in range(100)})) == 32
