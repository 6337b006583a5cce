"""An intent in words, taken apart: what is wanted, and what is not, and from which years."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.core.category_names import CategoryNames
from services.core.release_years import ReleaseYears, read_release_years

_NEGATION = r"(?:not too|not|no|without|nothing|never|except(?: for)?|avoid|anything but|don'?t want|do not want|less)"
# What a negation denies ends at the next comma, stop, "but" or "and": "light, not violent, with music".
_UNWANTED = re.compile(
    rf"\b(?:but |and )?{_NEGATION}\b\s+(?!only\b)([^,;.!?]+?)(?=\s+but\b|\s+and\b|[,;.!?]|$)", re.IGNORECASE
)
_BLANKS = re.compile(r"\s+")
_WORD = re.compile(r"\w{2}")
# How people ask, and what any item is: a vector of these words lies near the items that have them in their titles.
_ASKED = re.compile(
    r"^\s*(?:please\s+)?(?:i(?:'d| would)? (?:want|like|love)(?: to (?:see|watch|read|hear|find|buy))?|"
    r"i(?:'m| am) (?:looking|searching) for|looking for|show me|give me|find me|recommend(?: me)?)\b",
    re.IGNORECASE,
)
_THING = re.compile(
    r"(?:\b(?:an?|the|some|any)\s+)?\b(?:movies?|films?|stor(?:y|ies)|books?|songs?|albums?|articles?|products?|items?|things?|"
    r"something|anything|one)\s+(?:that (?:is|are) )?(?:about|with|on|of|for|in|set in|where)\s+|"
    r"\b(?:movies?|films?)\b(?!['’\- ]*noir)|\b(?:something|anything)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Intent:
    """Both as phrases, empty where nothing of the kind is said, and the years that were named in each."""

    wanted: str
    unwanted: str
    years: ReleaseYears | None = None
    unwanted_years: ReleaseYears | None = None

    @property
    def asks(self) -> bool:
        """Whether it says what is wanted, not just what is not."""
        return bool(self.wanted or self.years)


NOTHING = Intent("", "")
"""What says nothing."""


def parse_intent(text: str) -> Intent:
    """Take an intent apart: "something light about a heist, not violent" wants the first part and not "violent".

    Rules for English: a negation denies what follows it, up to the next comma, stop, "but" or "and". In other
    languages the whole text is what is wanted.
    """
    denied = [match.group(1).strip() for match in _UNWANTED.finditer(text)]
    unwanted_years, unwanted = read_release_years(_tidy(", ".join(denied)))
    years, wanted = read_release_years(_tidy(_UNWANTED.sub(" ", text)))
    if years and not _says_more(wanted):
        wanted = ""
    return Intent(_tidy(wanted), _tidy(unwanted), years, unwanted_years)


def gist(phrase: str, categories: CategoryNames) -> str:
    """What a wanted phrase says besides that an item is wanted: "a movie about dinosaurs" says "dinosaurs".

    Rules for English. A word that names a category of the catalogue says something ("a book about space" where there
    are books among other things), and so does a phrase of which nothing else would be left.
    """

    def without(match: re.Match[str]) -> str:
        return match.group() if categories.named_in(match.group()) else " "

    left = _tidy(_THING.sub(without, _ASKED.sub(" ", phrase)))
    return left if _WORD.search(left) else phrase


def _says_more(phrase: str) -> bool:
    """Whether it says more than that an item is wanted."""
    return bool(_WORD.search(_THING.sub(" ", _ASKED.sub(" ", phrase))))


def _tidy(text: str) -> str:
    """Without blanks and stops at the ends, and without what is left of a sentence that was taken out."""
    return _BLANKS.sub(" ", text).strip(" ,;.!?")
