"""When what is wanted came out, as people say it: "from the sixties", "before 1980", "eighties comedies", "old films".

Rules for English. A time in which something is set is no such time: "set in the 1940s", "life in the sixties" and
"people in their thirties" are left to what items say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

UNKNOWN_YEAR = 0

_FIRST, _LAST = 1, 9999
# So far outside, in years, an item is as wrong as it can be: people remember decades, not dates.
_GRACE_YEARS = 5.0
_DISTANCE_OF_UNKNOWN = 0.5
# Whoever names more, or leads in at more length, means no harm or no years: time is bounded.
_MOST_ERAS, _NEAR = 8, 40

_DECADES = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")
_ERA = re.compile(
    rf"(?:\b(?P<part>early|mid|late)[- ])?(?<![\w'’])(?:(?P<name>{'|'.join(_DECADES)})|"
    r"(?P<decade>(?:1[89]|20)\d0|['’]?[2-9]0)['’]?s|(?P<year>(?:1[89]|20)\d\d))(?![\w])",
    re.IGNORECASE,
)
_PARTS = {"early": (0, 3), "mid": (4, 6), "late": (7, 9)}
_MADE = r"(?:from|made|released|shot|filmed|written|recorded|published|produced|out)"
_THE = r"\s+(?:the\s+)?(?:years?\s+)?$"
_BETWEEN = re.compile(rf"\b(?:(?:{_MADE}\s+)?between|{_MADE}\s+in|from){_THE}", re.IGNORECASE)
_JOINT = re.compile(r"^\s*(?:and|to|until|till|through|-|–)\s*(?:the\s+)?$", re.IGNORECASE)
_BEFORE = re.compile(rf"\b(?:{_MADE}\s+)?(?:before|prior to|(?:older|earlier) than){_THE}", re.IGNORECASE)
_UNTIL = re.compile(rf"\b(?:{_MADE}\s+)?(?:until|till|up to){_THE}", re.IGNORECASE)
_AFTER = re.compile(rf"\b(?:{_MADE}\s+)?(?:after|(?:newer|later|younger) than){_THE}", re.IGNORECASE)
_SINCE = re.compile(rf"\b(?:{_MADE}\s+)?since{_THE}", re.IGNORECASE)
_OF = re.compile(rf"\b(?:{_MADE}\s+in|(?:dating\s+)?from){_THE}", re.IGNORECASE)
_ONWARDS = re.compile(r"^\s+(?:on(?:wards?)?|or (?:later|newer)|and (?:later|newer|after))\b", re.IGNORECASE)
# "an eighties comedy": followed by what is of that time, and not led in by a preposition.
_OWNED = re.compile(
    r"\b(?:in|during|of|about|around|circa|through|into|by|her|his|their|my|our|your|its)\s+(?:the\s+)?$", re.IGNORECASE
)
_THING_NEXT = re.compile(
    r"^[\s-]+(?!(?:and|or|but|to|in|on|at|with|when|where|who|that|is|are|was|were)\b)[^\W\d]", re.IGNORECASE
)

_THINGS = (
    r"(?:movies?|films?|books?|songs?|albums?|records?|hits?|games?|shows?|classics?|hollywood|black[- ]and[- ]white|"
    r"noirs?|musicals?|comed(?:y|ies)|dramas?|westerns?|myster(?:y|ies)|thrillers?|romances?|cartoons?|horror|"
    r"science fiction|sci-fi)"
)
_NAMED_THING_NEXT = re.compile(rf"^\s+{_THINGS}\b", re.IGNORECASE)
_SOMEBODY = r"(?:m[ae]n|wom[ae]n|lad(?:y|ies)|friends?|couples?|people|age|school|west|town|house|flames?|loves?)"
_ELSEWHERE = r"(?:york|orleans|zealand|england|jersey|mexico|delhi|age|years?|life|job|loves?|wave|kid|girl|boy)"
_OLD = re.compile(
    rf"\b(?:olde?r?|vintage|classic)\b(?!\s+{_SOMEBODY}\b)(?:[\s,-]+[\w'’]+){{0,3}}?[\s-]+{_THINGS}\b|^(?:too\s+)?old$",
    re.IGNORECASE,
)
_NEW = re.compile(
    rf"\b(?:new(?:er|est)?|recent|latest)\b(?!\s+{_ELSEWHERE}\b)(?:[\s,-]+[\w'’]+){{0,3}}?[\s-]+{_THINGS}\b|"
    r"^(?:too\s+)?(?:new|recent)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ReleaseYears:
    """first, last: both included. tendency: "old" or "new" beside what else the catalogue has, "" for neither."""

    first: int = _FIRST
    last: int = _LAST
    tendency: Literal["", "old", "new"] = ""

    def distance(self, years: NDArray[np.int16]) -> NDArray[np.float32]:
        """float32 [M], from 0 (right) to 1, of items of these years, int16 [M]; 0.5 where one is UNKNOWN_YEAR."""
        year = np.arange(_LAST + 1)
        outside = np.maximum(np.maximum(self.first - year, year - self.last), 0)
        distance = np.minimum(outside / _GRACE_YEARS, 1)
        if self.tendency:
            counts = np.bincount(years, minlength=len(year))
            counts[UNKNOWN_YEAR] = 0
            upto = np.cumsum(counts)
            others = upto - counts if self.tendency == "old" else upto[-1] - upto
            distance = np.maximum(distance, others / max(upto[-1], 1))
        distance[UNKNOWN_YEAR] = _DISTANCE_OF_UNKNOWN
        made: NDArray[np.float32] = distance.astype(np.float32)[years]
        return made


def read_release_years(phrase: str) -> tuple[ReleaseYears | None, str]:
    """What a phrase says of when things came out, None for nothing, and the phrase without the years it named."""
    first, last, spans = _FIRST, _LAST, []
    eras = list(islice(_ERA.finditer(phrase), _MOST_ERAS))
    place = 0
    while place < len(eras):
        era, upto = eras[place], eras[place].end()
        start, end = _bounds(era)
        led_in: int | None
        ahead, behind = phrase[max(0, era.start() - _NEAR) : era.start()], phrase[upto : upto + _NEAR]
        nearby = eras[place + 1] if place + 1 < len(eras) else None
        if nearby and _JOINT.match(phrase[upto : nearby.start()]) and (lead := _BETWEEN.search(ahead)):
            led_in, bounds = len(lead.group()), (start, _bounds(nearby)[1])
            upto, place = nearby.end(), place + 1
        elif onwards := _ONWARDS.match(behind):
            lead = _OF.search(ahead)
            led_in, bounds = len(lead.group()) if lead else 0, (start, _LAST)
            upto += onwards.end()
        else:
            led_in, bounds = _lead(ahead, behind, start, end)
        if led_in is not None:
            first, last = max(first, bounds[0]), min(last, bounds[1])
            spans.append((era.start() - led_in, upto))
        place += 1
    tendency: Literal["", "old", "new"] = "old" if _OLD.search(phrase) else "new" if _NEW.search(phrase) else ""
    if not spans and not tendency:
        return None, phrase
    for begin, upto in reversed(spans):
        phrase = f"{phrase[:begin]} {phrase[upto:]}"
    return ReleaseYears(first, last, tendency), phrase


def _lead(ahead: str, behind: str, start: int, end: int) -> tuple[int | None, tuple[int, int]]:
    """How many characters lead an era in, None where it does not tell when something came out; the years meant."""
    for pattern, bounds in (
        (_BEFORE, (_FIRST, start - 1)),
        (_UNTIL, (_FIRST, end)),
        (_AFTER, (end + 1, _LAST)),
        (_SINCE, (start, _LAST)),
        (_OF, (start, end)),
    ):
        if lead := pattern.search(ahead):
            return len(lead.group()), bounds
    # A single year is more often a part of a name: "2001 a space odyssey", but "1939 movies".
    of_that_time = _THING_NEXT if end > start else _NAMED_THING_NEXT
    if of_that_time.match(behind) and not _OWNED.search(ahead):
        return 0, (start, end)
    return None, (start, end)


def _bounds(era: re.Match[str]) -> tuple[int, int]:
    if year := era["year"]:
        return int(year), int(year)
    if name := era["name"]:
        start = 1920 + 10 * _DECADES.index(name.lower())
    else:
        digits = era["decade"].lstrip("'’")
        start = int(digits) if len(digits) > len("40") else 1900 + int(digits)
    first, last = _PARTS.get((era["part"] or "").lower(), (0, 9))
    return start + first, start + last
