"""Item texts: what the text encoder reads of items, as the catalog keeps it."""

from __future__ import annotations

from collections.abc import Sequence

from services.plumbing.clients.postgres import Pool, connection
from services.plumbing.text.item_text import item_text

_SELECT = "SELECT item_id, title, categories, text FROM items WHERE tenant = %s AND item_id = ANY(%s)"


class ItemTexts:
    """Texts of one tenant's items."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def of(self, item_ids: Sequence[str]) -> list[str]:
        """Return cleaned texts in the order of the ids, empty where an item says nothing. Raises UnavailableError."""
        async with connection(self._pool) as borrowed:
            rows = await (await borrowed.execute(_SELECT, (self._tenant, list(item_ids)))).fetchall()
        found = {item_id: item_text(title, tuple(names), text) for item_id, title, names, text in rows}
        return [found.get(item_id, "") for item_id in item_ids]
