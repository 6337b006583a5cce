"""Source: items that say what the user asks for in words."""

from __future__ import annotations

import asyncio
import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.text_index import TextIndex
from services.candidates.stages.bundle_source import Run
from services.candidates.stages.resolved_query import ROW, SLOT, ResolvedQuery, resolved
from services.core.candidate_set import CandidateSet
from services.core.cascade import INTENT
from services.core.errors import UnavailableError
from services.core.intent import Intent, gist, parse_intent
from services.core.query import Query
from services.plumbing.text.clean_text import clean_text

# Those who ask in words want what they ask for: most of the candidates answer to it.
_SHARE = 2 / 3


class Words(Protocol):
    """Which items name what a phrase names."""

    async def named_by(self, phrase: str, item_count: int) -> dict[str, float]:
        """Return shares by item id. Raises UnavailableError."""
        ...


class IntentSource:
    """Proposes the items whose texts and categories answer the intent best, and leaves every item's score behind."""

    name = INTENT
    provides = frozenset({SLOT, ROW})

    def __init__(self, index: TextIndex, words: Words, budget_seconds: float, run: Run) -> None:
        self._index = index
        self._words = words
        self._budget_seconds = budget_seconds
        self._run = run

    @property
    def budget_seconds(self) -> float:
        """Time after which it counts as late."""
        return self._budget_seconds

    def enabled(self, query: Query) -> bool:
        """When the user says what is wanted."""
        return bool(query.intent)

    async def propose(self, query: Query) -> CandidateSet:
        """Return open items, best answer first. Raises UnavailableError, TimeoutError: the text encoder is away."""
        known = resolved(query)
        intent = parse_intent(clean_text(query.intent))
        wanted, unwanted = clean_text(gist(intent.wanted, self._index.table.names)), clean_text(intent.unwanted)
        vectors, named = await asyncio.gather(
            self._index.encoder.encode([wanted, unwanted], self._budget_seconds),
            self._named(wanted, len(known.view.catalog)),
        )
        proposed: CandidateSet = await self._run(self._proposal, known, intent, vectors, named)
        return proposed

    async def _named(self, phrase: str, item_count: int) -> dict[str, float]:
        if not phrase:
            return {}
        try:
            return await self._words.named_by(phrase, item_count)
        except UnavailableError:
            # The meaning alone is an answer too, as the catalog in memory is while the database is away.
            return {}

    def _proposal(
        self, query: ResolvedQuery, intent: Intent, vectors: NDArray[np.float32], named: dict[str, float]
    ) -> CandidateSet:
        catalog = query.view.catalog
        wanted, unwanted = (vector if vector.any() else None for vector in vectors)
        scores = query.scores[INTENT] = self._index.table.answers(catalog, wanted, unwanted, named, intent)
        slots = np.empty(0, np.int32)
        if intent.asks:
            found = np.flatnonzero(query.open_slots() & (scores > 0))
            best = np.argsort(-scores[found], kind="stable")[: math.ceil(query.count * _SHARE)]
            slots = found[best].astype(np.int32)
        return CandidateSet(
            catalog.item_ids[slots],
            (),
            np.zeros(len(slots), np.uint32),
            {SLOT: slots, ROW: query.view.row_of_slot[slots]},
        )
