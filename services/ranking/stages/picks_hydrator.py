"""What a new user picked: read as if taken before everything else, while little else is known."""

from __future__ import annotations

import time
from dataclasses import replace

from services.core.query import Query

_ENOUGH_EVENTS = 10
"""What somebody did says more than what they picked once; with so many events there is no need of picks."""


class PicksHydrator:
    """Puts the picks before the history, and among what is not recommended.

    Who has met a picked item since has it where they met it; who has hidden it has not picked it.
    """

    name = "picks"

    def enabled(self, query: Query) -> bool:
        """When the caller brings picks."""
        return bool(query.picked_item_ids)

    async def hydrate_query(self, query: Query) -> Query:
        """Return the query with the picks."""
        seen = query.seen_item_ids.union(query.picked_item_ids)
        if len(query.history) >= _ENOUGH_EVENTS:
            return replace(query, seen_item_ids=seen)
        met = query.hidden_item_ids.union(query.history.item_ids)
        picks = [item_id for item_id in query.picked_item_ids if item_id not in met]
        history = query.history.after_picks(picks, time.time_ns() // 1000) if picks else query.history
        return replace(query, history=history, seen_item_ids=seen)
