"""Texts as people write them, made fit for a tokenizer."""

from __future__ import annotations

import re
import unicodedata

# Far more than an encoder reads; a text of a megabyte is cut before anybody works through it.
_MOST_CHARACTERS = 20_000
_BLANKS = re.compile(r"\s+")


def clean_text(*parts: str) -> str:
    """Return the parts that say something, as sentences after one another; empty where none does.

    Control characters, unpaired surrogates and characters without a meaning become blanks, and blanks are joined.
    """
    sentences = [cleaned for part in parts if (cleaned := _clean(part[:_MOST_CHARACTERS]))]
    joined = " ".join(part if part[-1] in ".!?…。" else f"{part}." for part in sentences[:-1])
    return " ".join(filter(None, (joined, *sentences[-1:])))[:_MOST_CHARACTERS]


def _clean(text: str) -> str:
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(character)[0] == "C" else character for character in text)
    return _BLANKS.sub(" ", text).strip()
