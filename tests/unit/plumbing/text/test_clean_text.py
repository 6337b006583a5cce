from __future__ import annotations

import pytest

from services.plumbing.text.clean_text import clean_text


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), ""),
        (("", "  ", "\x00\x01"), ""),
        (("Heat", "A thief\r\n\tand a policeman"), "Heat. A thief and a policeman"),
        (("Who?", "", "Nobody."), "Who? Nobody."),
        (("null\x00byte",), "null byte"),
        (("\ud800broken",), "broken"),
        (("Амели́", "アメリ"), "Амели́. アメリ"),
        (("zero\u200bwidth",), "zero width"),
    ],
)
def test_texts_become_fit_for_a_tokenizer(parts: tuple[str, ...], expected: str) -> None:
    cleaned = clean_text(*parts)
    assert cleaned == expected
    cleaned.encode("utf-8")


def test_a_megabyte_is_cut() -> None:
    assert len(clean_text("title", "word " * 250_000)) <= 20_000
