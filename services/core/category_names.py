"""Which categories a phrase names: "a funny movie for children" names "Children's"."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_LONGEST_NAME = 4


class CategoryNames:
    """The names of a catalogue's categories, by their words."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._places: dict[tuple[str, ...], int] = {}
        for place, name in enumerate(names):
            if words := _words(name):
                self._places.setdefault(words, place)

    def named_in(self, phrase: str) -> list[int]:
        """Places of the categories all of whose words, up to four, stand in the phrase side by side."""
        words = _words(phrase)
        found = {
            self._places[part]
            for start in range(len(words))
            for end in range(start + 1, min(start + _LONGEST_NAME, len(words)) + 1)
            if (part := words[start:end]) in self._places
        }
        return sorted(found)


def _words(text: str) -> tuple[str, ...]:
    """In lower case, English plurals and genitives as the word itself."""
    return tuple(_singular(word.lower()) for word in _WORD.findall(text))


def _singular(word: str) -> str:
    word = re.sub(r"['’]s?$", "", word)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
