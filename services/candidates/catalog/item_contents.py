"""Item contents: what the catalog knows of items besides their ids, as the content map reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from services.candidates.catalog.item_vectors import vectors_of
from services.core.content_space import ItemContent, numbers_in
from services.plumbing.clients.postgres import Pool, connection

_ITEMS_A_READ = 1_000
_SELECT = "SELECT item_id, categories, attributes::text FROM items WHERE tenant = %s AND item_id = ANY(%s)"


class ItemContents:
    """Contents of one tenant's items."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def of(self, item_ids: Sequence[str]) -> list[ItemContent]:
        """Return the contents in the order of the ids; an empty one where nothing is known. Raises UnavailableError."""
        found: dict[str, ItemContent] = {}
        for start in range(0, len(item_ids), _ITEMS_A_READ):
            ids = list(item_ids[start : start + _ITEMS_A_READ])
            async with connection(self._pool) as borrowed:
                rows = await (await borrowed.execute(_SELECT, (self._tenant, ids))).fetchall()
                vectors = await vectors_of(borrowed, self._tenant, ids)
            for item_id, categories, attributes in rows:
                numbers = numbers_in(json.loads(attributes))
                found[item_id] = ItemContent(vectors.get(item_id, {}), tuple(categories), numbers)
        return [found.get(item_id, ItemContent()) for item_id in item_ids]
