from __future__ import annotations

import numpy as np
import pytest

from services.core.content_space import CATEGORIES, ContentSpace, ItemContent, numbers_in

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


def test_numbers_are_those_that_are_finite() -> None:
    given = {"year": 1994, "length": 1.5, "new": True, "name": "x", "none": None, "bad": float("nan"), "big": 10**400}
    assert numbers_in(given) == {"year": 1994.0, "length": 1.5}
    assert len(numbers_in({f"n{place:03}": place for place in range(100)})) == 32
