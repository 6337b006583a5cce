"""Intents are taken apart into what is wanted and what is not."""

from __future__ import annotations

import pytest

from services.core.category_names import CategoryNames
from services.core.intent import gist, parse_intent


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("something light about a heist, not violent", "something light about a heist", "violent"),
        ("a comedy without romance", "a comedy", "romance"),
        ("no horror", "", "horror"),
        ("a film, not too long, but not silly either", "a film", "long, silly either"),
        ("not only war but love", "not only war but love", ""),
        ("Dr. No", "Dr. No", ""),
        ("nothing scary and with music", "and with music", "scary"),
        ("amusant, avec de la musique", "amusant, avec de la musique", ""),
        (" , . ", "", ""),
        ("", "", ""),
    ],
)
def test_a_negation_denies_up_to_the_next_stop(text: str, wanted: str, unwanted: str) -> None:
    found = parse_intent(text)
    assert (found.wanted, found.unwanted) == (wanted, unwanted)


def test_no_text_takes_long() -> None:
    """Blanks and negations by the thousand: the pattern must not try all ways to split them."""
    for text in ("not " * 250, "not" + " " * 997, "no, " * 250, "x" * 1_000, "but not " * 120):
        gist(parse_intent(text).wanted, CategoryNames(["not"]))


FILMS = CategoryNames(["War", "Film-Noir"])


@pytest.mark.parametrize(
    ("phrase", "left"),
    [
        ("a movie about dinosaurs", "dinosaurs"),
        ("I'm looking for a story about a dog", "a dog"),
        ("show me films where a bank is robbed", "a bank is robbed"),
        ("christmas movie", "christmas"),
        ("something light about a heist", "light about a heist"),
        ("a film noir", "a film noir"),
        ("one about the war", "the war"),
        ("a love story", "a love story"),
        ("a movie", "a movie"),
        ("something", "something"),
        ("ein Hund", "ein Hund"),
        ("", ""),
    ],
)
def test_what_any_item_is_says_nothing(phrase: str, left: str) -> None:
    assert gist(phrase, FILMS) == left


def test_what_a_category_is_called_says_something() -> None:
    store = CategoryNames(["Books", "Movies", "Toys"])
    assert gist("a book about space", store) == "a book about space"
    assert gist("space movies", store) == "space movies"
    assert gist("a song about space", store) == "space"
