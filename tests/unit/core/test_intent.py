"""Intents are taken apart into what is wanted and what is not."""

from __future__ import annotations

import pytest

from services.core.intent import parse_intent


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
        parse_intent(text)
