"""An intent in words, taken apart: what is wanted, and what is not."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NEGATION = r"(?:not too|not|no|without|nothing|never|except(?: for)?|avoid|anything but|don'?t want|do not want|less)"
# What a negation denies ends at the next comma, stop, "but" or "and": "light, not violent, with music".
_UNWANTED = re.compile(
    rf"\b(?:but |and )?{_NEGATION}\b\s+(?!only\b)([^,;.!?]+?)(?=\s+but\b|\s+and\b|[,;.!?]|$)", re.IGNORECASE
)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Intent:
    """Both as phrases; empty where nothing of the kind is said."""

    wanted: str
    unwanted: str


def parse_intent(text: str) -> Intent:
    """Take an intent apart: "something light about a heist, not violent" wants the first part and not "violent".

    Rules for English: a negation denies what follows it, up to the next comma, stop, "but" or "and". In other
    languages the whole text is what is wanted.
    """
    unwanted = [match.group(1).strip() for match in _UNWANTED.finditer(text)]
    wanted = _UNWANTED.sub(" ", text)
    return Intent(_tidy(wanted), _tidy(", ".join(unwanted)))


def _tidy(text: str) -> str:
    """Without blanks and stops at the ends, and without what is left of a sentence that was taken out."""
    return _BLANKS.sub(" ", text).strip(" ,;.!?")
