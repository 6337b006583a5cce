"""Item contents: what the catalog knows of items besides their ids, as the content map reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from services.candidates.catalog.real_array import real_array_of
from services.core.content_space import Float32, ItemContent, numbers_in
from services.plumbing.clients.postgres import Pool, connection

_ITEMS_A_READ = 1_000
_SELECT = "SELECT item_id, categories, attributes::text FROM items WHERE tenant = %s AND item_id = ANY(%s)"
_SELECT_VECTORS = """
SELECT item_id, name, array_send("values") FROM item_vectors WHERE tenant = %s AND item_id = ANY(%s)
"""


class ItemContents:
    """Contents of one tenant's items."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def of(self, item_ids: Sequence[str]) -> list[ItemContent]:
        """Return the contents in the order of the ids; an empty one where nothing is known. Raises UnavailableError."""
        found: dict[str, ItemContent] = {}
        for start in range(0, len(item_ids), _ITEMS_A_READ):
            values = (self._tenant, list(item_ids[start : start + _ITEMS_A_READ]))
            async with connection(self._pool) as borrowed:
                rows = await (await borrowed.execute(_SELECT, values)).fetchall()
                sent = await (await borrowed.execute(_SELECT_VECTORS, values, binary=True)).fetchall()
            vectors: dict[str, dict[str, Float32]] = {item_id: {} for item_id, *_ in rows}
            for item_id, name, value in sent:
                vectors.setdefault(item_id, {})[name] = real_array_of(value)
            for item_id, categories, attributes in rows:
                numbers = numbers_in(json.loads(attributes))
                found[item_id] = ItemContent(vectors[item_id], tuple(categories), numbers)
        return [found.get(item_id, ItemContent()) for item_id in item_ids]
