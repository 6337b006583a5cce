"""Source: items that the bundle does not know, to the users whom they suit by what they are."""

from __future__ import annotations

import asyncio

import numpy as np

from services.candidates.bundles.newcomers import Newcomers
from services.candidates.stages.resolved_query import ROW, SLOT, resolved
from services.candidates.stages.scenario_liking import ScenarioLiking
from services.core.candidate_set import CandidateSet
from services.core.cascade import NEWCOMERS
from services.core.query import Query

# The merge takes turns: this is more than one source's share of the candidates.
_MOST = 64


class NewcomerSource:
    """Proposes newcomers to the fifth of the users who like them best, those of the largest logit first.

    Nobody has taken them yet, so nobody can tell how good they are: who sees them is chosen by how much it suits them
    alone, and ranking gives them their share of the places. In a scenario that the bundle hardly knows nearly all are
    newcomers: there all that are wanted are proposed, by what the user took there if that says anything.
    """

    name = NEWCOMERS
    provides = frozenset({SLOT, ROW})

    def __init__(self, newcomers: Newcomers, scenario: ScenarioLiking, budget_seconds: float) -> None:
        self._newcomers = newcomers
        self._scenario = scenario
        self._budget_seconds = budget_seconds

    @property
    def budget_seconds(self) -> float:
        """Time after which it counts as late."""
        return self._budget_seconds

    def enabled(self, query: Query) -> bool:
        """When there are newcomers and the user has a vector, and does not ask for something else."""
        return not query.intent and len(self._newcomers.table) > 0 and resolved(query).user_vector is not None

    async def propose(self, query: Query) -> CandidateSet:
        """Return at most 64 open newcomers, in a new scenario query.count, best first.

        Raises what the user encoder raises.
        """
        known = resolved(query)
        table, catalog = self._newcomers.table, known.view.catalog
        # Shielded: other sources wait for the same call.
        user_vector = await asyncio.shield(known.user_vector) if known.user_vector is not None else None
        slots = np.empty(0, np.int32)
        if user_vector is not None:
            # The table may know slots of a later snapshot than the request's.
            suited = table.slots < len(catalog)
            suited[suited] = known.open_slots()[table.slots[suited]]
            logits = self._newcomers.logits(user_vector, known.known_history.rows, table.vectors)
            most = query.count
            if not self._scenario.is_new(known):
                suited &= self._newcomers.liking.of(user_vector, logits) >= table.least
                most = min(_MOST, query.count)
            places = np.flatnonzero(suited)
            liking = self._scenario.of(known)
            order = logits[places] if liking is None else liking[table.slots[places]]
            slots = table.slots[places[np.argsort(-order, kind="stable")[:most]]]
        return CandidateSet(
            catalog.item_ids[slots],
            (),
            np.zeros(len(slots), np.uint32),
            {SLOT: slots, ROW: np.zeros(len(slots), np.int32)},
        )
