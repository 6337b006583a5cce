from __future__ import annotations

import pytest

from services.core.category_names import CategoryNames

NAMES = CategoryNames(["Children's", "Sci-Fi", "Film-Noir", "War", "Comedy", "Comedies", "", "News & Politics"])


@pytest.mark.parametrize(
    ("phrase", "places"),
    [
        ("a funny movie for children, please", [0]),
        ("sci-fi or SCI FI, but no science", [1]),
        ("noir film", []),
        ("film noir", [2]),
        ("wars and a comedy", [3, 4]),
        ("some comedies", [4]),
        ("warm and postwar", []),
        ("politics", []),
        ("news politics", [7]),
        ("", []),
    ],
)
def test_a_category_is_named_by_all_its_words_side_by_side(phrase: str, places: list[int]) -> None:
    assert NAMES.named_in(phrase) == places


def test_nothing_is_named_where_there_are_none() -> None:
    assert CategoryNames().named_in("war") == []
    assert CategoryNames(["戦争"]).named_in("戦争") == [0]
