"""Words of items: which items name what a phrase names, in title, text or attributes, as those who made them.

A vector of a long text forgets the rare word that matters.
"""

from __future__ import annotations

import math
from collections import defaultdict

from services.plumbing.clients.postgres import Pool, connection

# A word that so many items have tells nothing; stemmed, and without the words that every text has, by PostgreSQL.
_MOST_ITEMS = 2_000
_MOST_WORDS = 32
# How people ask, and what for in general: no item is meant by these.
_ASKING = [
    *("film", "movi", "someth", "anyth", "want", "like", "look", "find", "show", "give", "recommend", "pleas"),
    *("good", "best", "stori", "watch", "see", "kind", "sort"),
]
_MATCHES = f"""
SELECT word.lexeme, found.item_id
FROM (SELECT lexeme FROM unnest(to_tsvector('english', %(phrase)s))
    WHERE lexeme <> ALL(%(asking)s) ORDER BY positions[1] LIMIT {_MOST_WORDS}) AS word,
LATERAL (
    SELECT item_id FROM items
    WHERE tenant = %(tenant)s AND deleted_at IS NULL
        AND (to_tsvector('english', title || ' ' || text) @@ quote_literal(word.lexeme)::tsquery
            OR jsonb_to_tsvector('english', attributes, '["string"]') @@ quote_literal(word.lexeme)::tsquery)
    LIMIT {_MOST_ITEMS + 1}) AS found
"""  # noqa: S608 - constants


class ItemWords:
    """Words of one tenant's items."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def named_by(self, phrase: str, item_count: int) -> dict[str, float]:
        """Return, by item id, the share of the phrase's words that the item has, rare words counting more.

        A word counts log(1 + (N - n + 0.5) / (n + 0.5)), n of N items having it (Robertson and Zaragoza 2009); words
        that no item has, or more than 2,000 have, are left out. Raises UnavailableError.
        """
        values = {"tenant": self._tenant, "phrase": phrase, "asking": _ASKING}
        items_of: dict[str, list[str]] = defaultdict(list)
        async with connection(self._pool) as borrowed:
            async for lexeme, item_id in await borrowed.execute(_MATCHES, values):
                items_of[lexeme].append(item_id)
        weights = {
            lexeme: math.log(1 + (max(item_count, len(ids)) - len(ids) + 0.5) / (len(ids) + 0.5))
            for lexeme, ids in items_of.items()
            if len(ids) <= _MOST_ITEMS
        }
        total = sum(weights.values())
        shares: dict[str, float] = defaultdict(float)
        for lexeme, weight in weights.items():
            for item_id in items_of[lexeme]:
                shares[item_id] += weight / total
        return dict(shares)
