"""How many take part in each step, and what the last steps weigh: one place for what serves, trains and measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from services.core.sources.source import History, Source

# More do not change the top ten on MovieLens-100K (200 to 800 were tried), and each costs time at every hop.
CANDIDATE_COUNT = 304
"""Candidates that are ranked for a slate, at least."""
MAX_CANDIDATES = 1024
"""Candidates that are ranked, at most."""
HISTORY_EVENTS = 256
"""Newest events of a user that are kept for the models to read."""
EXACT_SEARCH_MAX_ITEMS = 0
"""Up to so many items the sequence source compares all vectors; above it asks the index."""
ENGAGE_PROBABILITY = "engage_probability"
"""The ranker's head that says how likely the item is to be taken next."""
HEAD_WEIGHTS: Mapping[str, float] = MappingProxyType({"engage": 1.0})
"""Weight of each of the ranker's heads in the score; heads not named count nothing."""
# MovieLens-100K, leave one out: Recall@10 0.198 at 0, 0.195 at 0.3, 0.193 at 1 (standard error 0.013), while the
# likeness within slates falls from 0.292 to 0.281 and 0.262.
DIVERSITY_STRENGTH = 0.3
"""Price of likeness to what stands above in the slate, in standard deviations of the score."""

NEWCOMERS = "newcomers"
"""Name of the source of items that the bundle does not know, and of the column that says how well they suit."""
MOST_NEWCOMERS = 100_000
"""Newcomers that candidates keeps, the newest: every request compares all of them."""
NEWCOMER_SHARE = 0.1
"""Share of a slate's places that newcomers get where they suit the user, so that somebody can take them."""

SCENARIO_LIKING = "scenario_liking"
"""Name of the column that says how much the user likes the items of a scenario that the models hardly know."""

AUDIENCE = "audience"
"""Name of the source of what is popular with people like the user, and of the column that says how much."""

INTENT = "intent"
"""Name of the source of items that answer an intent in words, and of the column that says how well they do."""
INTENT_WEIGHT = 2.0
"""Weight of the answer to an intent beside the ranker's score, both in standard deviations."""

_PLACES_SHARE = 2
_SOURCE_SHARE = 2 / 3
_NO_HISTORY = History(np.empty(0, np.int32), np.empty(0, np.int64))


def candidates_for(places: int, least: int = CANDIDATE_COUNT) -> int:
    """Candidates to rank for a slate: twice its places, so that filters and diversity have something to choose from."""
    return min(MAX_CANDIDATES, max(least, _PLACES_SHARE * places))


def knows_everybody(source: Source) -> bool:
    """Whether the source has something to say of a user without a history."""
    return source.knows(_NO_HISTORY)


def proposals_for(candidate_count: int, *, of_everybody: bool) -> int:
    """How many of ``candidate_count`` candidates one source proposes.

    A source that knows the user proposes two thirds of what is wanted: the merge takes turns and has no use for more.
    The one that knows nobody (``of_everybody``) proposes all that is wanted, so that the answer is full whatever the
    others find.
    """
    return candidate_count if of_everybody else math.ceil(candidate_count * _SOURCE_SHARE)
