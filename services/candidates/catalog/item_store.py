"""The item store: the catalog in PostgreSQL, which is the truth."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import TupleRow

from services.candidates.catalog.item import Item
from services.candidates.catalog.item_vectors import vectors_of
from services.candidates.catalog.real_array import RealArray, register_real_arrays
from services.core.text_encoder_files import TEXT
from services.plumbing.clients.postgres import Pool, connection
from services.plumbing.text.item_text import item_text, text_digest

# The texts of chunks larger than this wait behind those of smaller ones: imports behind what somebody just wrote.
_FEW_ITEMS = 20
# Writers of one tenant take turns, from before their first revision is drawn until their commit can be seen. So
# revisions become visible in their order, and whoever has read up to one never misses a smaller one.
TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtext('trommel.items'), hashtext(%s))"

_UPSERT = """
INSERT INTO items AS kept
    (tenant, item_id, scenario, title, text, categories, available_from, available_until, attributes)
SELECT %(tenant)s, item_id, scenario, title, text, ARRAY(SELECT jsonb_array_elements_text(categories::jsonb)),
    available_from, available_until, attributes::jsonb
FROM unnest(%(item_ids)s::text[], %(scenarios)s::text[], %(titles)s::text[], %(texts)s::text[],
    %(categories)s::text[], %(available_from)s::timestamptz[], %(available_until)s::timestamptz[],
    %(attributes)s::text[])
    AS new (item_id, scenario, title, text, categories, available_from, available_until, attributes)
ON CONFLICT (tenant, item_id) DO UPDATE SET
    scenario = excluded.scenario, title = excluded.title, text = excluded.text, categories = excluded.categories,
    available_from = excluded.available_from, available_until = excluded.available_until,
    attributes = excluded.attributes, updated_at = now(), revision = nextval('item_revision_seq'), deleted_at = NULL,
    created_at = CASE WHEN kept.deleted_at IS NULL THEN kept.created_at ELSE now() END
"""
_DELETE_VECTORS = "DELETE FROM item_vectors WHERE tenant = %s AND item_id = ANY(%s)"
# What the encoder made of the very same text stays.
_DELETE_OLD_VECTORS = """
DELETE FROM item_vectors USING unnest(%s::text[], %s::text[]) AS new (item_id, digest)
WHERE tenant = %s AND item_vectors.item_id = new.item_id AND (encoder = '' OR item_vectors.digest <> new.digest)
"""
_QUEUE_TEXTS = """
INSERT INTO text_jobs (tenant, item_id, revision, bulk)
SELECT tenant, item_id, revision, %(bulk)s FROM items
WHERE tenant = %(tenant)s AND item_id = ANY(%(item_ids)s) AND NOT EXISTS (
    SELECT FROM item_vectors WHERE item_vectors.tenant = items.tenant AND item_vectors.item_id = items.item_id
        AND name = %(name)s)
ON CONFLICT (tenant, item_id) DO UPDATE
    SET revision = excluded.revision, bulk = excluded.bulk, attempts = 0, not_before = now(), error = NULL
"""
_DELETE_JOBS = "DELETE FROM text_jobs WHERE tenant = %s AND item_id = ANY(%s)"
_INSERT_VECTOR = """
INSERT INTO item_vectors (tenant, item_id, name, "values") VALUES (%s, %s, %s, %s)
ON CONFLICT (tenant, item_id, name) DO UPDATE SET "values" = excluded."values", encoder = '', digest = ''
"""
_DELETE = """
UPDATE items SET deleted_at = now(), updated_at = now(), revision = nextval('item_revision_seq')
WHERE tenant = %s AND item_id = ANY(%s) AND deleted_at IS NULL
"""
_SELECT = """
SELECT item_id, scenario, title, text, categories, (extract(epoch FROM available_from) * 1000000)::bigint,
    (extract(epoch FROM available_until) * 1000000)::bigint, attributes::text
FROM items WHERE tenant = %(tenant)s AND deleted_at IS NULL
"""
_SELECT_NAMED = _SELECT + " AND item_id = ANY(%(item_ids)s)"
_SELECT_PAGE = (
    _SELECT
    + """ AND item_id > %(after)s AND (%(scenario)s::text = '' OR scenario = %(scenario)s)
ORDER BY item_id LIMIT %(count)s"""
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ItemStore:
    """Items of one tenant. Every method raises UnavailableError when the database is away."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def upsert(self, items: Sequence[Item]) -> None:
        """Insert or replace the items in one transaction, committed when this returns; of one id the last counts.

        In the same transaction their texts are queued for the text encoder, save where the caller brings the vector
        or the text is the one that was encoded already.
        """
        by_id = {item.id: item for item in items}
        if not by_id:
            return
        texts = await asyncio.to_thread(_texts_of, list(by_id.values()))
        async with connection(self._pool) as borrowed, borrowed.cursor() as cursor:
            await cursor.execute(TAKE_TURN, (self._tenant,))
            await cursor.execute(_UPSERT, {"tenant": self._tenant, **_columns(by_id.values())})
            digests = [text_digest(text) if text else "" for text in texts]
            await cursor.execute(_DELETE_OLD_VECTORS, (list(by_id), digests, self._tenant))
            vectors = [
                (self._tenant, item.id, name, RealArray(values))
                for item in by_id.values()
                for name, values in item.vectors.items()
            ]
            if vectors:
                register_real_arrays(cursor.adapters)
                await cursor.executemany(_INSERT_VECTOR, vectors)
            await cursor.execute(_DELETE_JOBS, (self._tenant, list(by_id)))
            written = [item_id for item_id, text in zip(by_id, texts, strict=True) if text]
            if written:
                values = {"tenant": self._tenant, "item_ids": written, "name": TEXT, "bulk": len(by_id) > _FEW_ITEMS}
                await cursor.execute(_QUEUE_TEXTS, values)

    async def delete(self, item_ids: Sequence[str]) -> int:
        """Mark the items as deleted and drop their vectors; return how many there were."""
        async with connection(self._pool) as borrowed:
            await borrowed.execute(TAKE_TURN, (self._tenant,))
            deleted = await borrowed.execute(_DELETE, (self._tenant, list(item_ids)))
            await borrowed.execute(_DELETE_VECTORS, (self._tenant, list(item_ids)))
            await borrowed.execute(_DELETE_JOBS, (self._tenant, list(item_ids)))
            return deleted.rowcount

    async def get(self, item_ids: Sequence[str]) -> list[Item]:
        """Return the items that exist, in no particular order, as they were given: without what was made of them."""
        return await self._select(_SELECT_NAMED, {"item_ids": list(item_ids)})

    async def page(self, scenario: str, after: str, count: int) -> list[Item]:
        """Return the next `count` items behind the id `after` in id order; an empty scenario means all."""
        return await self._select(_SELECT_PAGE, {"scenario": scenario, "after": after, "count": count})

    async def _select(self, query: str, parameters: dict[str, Any]) -> list[Item]:
        async with connection(self._pool) as borrowed:
            rows = await (await borrowed.execute(query, {"tenant": self._tenant, **parameters})).fetchall()
            vectors = await vectors_of(borrowed, self._tenant, [row[0] for row in rows], given_alone=True)
        return [_item_of(row, vectors.get(row[0], {})) for row in rows]


def _item_of(row: TupleRow, vectors: dict[str, NDArray[np.float32]]) -> Item:
    item_id, scenario, title, text, categories, available_from, available_until, attributes = row
    return Item(item_id, scenario, title, text, tuple(categories), available_from, available_until, attributes, vectors)


def _texts_of(items: Sequence[Item]) -> list[str]:
    return [item_text(item.title, item.categories, item.text) for item in items]


def _columns(items: Iterable[Item]) -> dict[str, list[Any]]:
    rows = [
        (
            item.id,
            item.scenario,
            item.title,
            item.text,
            # unnest flattens nested arrays: the categories of each item travel as JSON.
            json.dumps(item.categories, ensure_ascii=False),
            _time_of(item.available_from_microseconds),
            _time_of(item.available_until_microseconds),
            item.attributes,
        )
        for item in items
    ]
    names = (
        "item_ids",
        "scenarios",
        "titles",
        "texts",
        "categories",
        "available_from",
        "available_until",
        "attributes",
    )
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _time_of(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)
