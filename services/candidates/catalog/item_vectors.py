"""Reads vectors of items, of whatever name and made by whomever."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.candidates.catalog.real_array import real_array_of
from services.core.content_space import Float32

_SELECT = 'SELECT item_id, name, array_send("values") FROM item_vectors WHERE tenant = %s AND item_id = ANY(%s)'
_GIVEN_ALONE = " AND encoder = ''"


async def vectors_of(
    connection: AsyncConnection[TupleRow], tenant: str, item_ids: Sequence[str], *, given_alone: bool = False
) -> dict[str, dict[str, Float32]]:
    """Return float32 [D] by item id and name, of items that have any.

    given_alone: Those that callers brought, without what was made of texts.
    """
    found: dict[str, dict[str, Float32]] = {}
    if item_ids:
        query = _SELECT + (_GIVEN_ALONE if given_alone else "")
        async for item_id, name, sent in await connection.execute(query, (tenant, list(item_ids)), binary=True):
            found.setdefault(item_id, {})[name] = real_array_of(sent)
    return found
