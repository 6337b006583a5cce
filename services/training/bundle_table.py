"""The table of bundles: the record of what was made, what serves and what is gone."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from services.core.bundle import BundleManifest
from services.training.bundle_record import BundleRecord, BundleState
from services.training.page_token import PagePlace

Connection = AsyncConnection[TupleRow]

_SELECT = """
SELECT version, state, coalesce(run_id, ''), coalesce(parent_version, ''), created_at, activated_at, metrics, item_count
  FROM bundles WHERE tenant = %s
"""


class BundleTable:
    """Reads and writes the bundles of one tenant, on a connection that the caller brings with its transaction."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant

    async def get(self, connection: Connection, version: str) -> BundleRecord | None:
        """Return a bundle, or None."""
        cursor = await connection.execute(_SELECT + "AND version = %s", (self._tenant, version))
        row = await cursor.fetchone()
        return None if row is None else _record(row)

    async def active(self, connection: Connection) -> BundleRecord | None:
        """Return the bundle that serves, or None."""
        cursor = await connection.execute(_SELECT + "AND state = 'ACTIVE'", (self._tenant,))
        row = await cursor.fetchone()
        return None if row is None else _record(row)

    async def page(self, connection: Connection, after: PagePlace, size: int) -> list[BundleRecord]:
        """Return at most `size` bundles made before a place, newest first."""
        cursor = await connection.execute(
            _SELECT + "AND (created_at, version) < (%s, %s) ORDER BY created_at DESC, version DESC LIMIT %s",
            (self._tenant, after.time, after.id, size),
        )
        return [_record(row) for row in await cursor.fetchall()]

    async def known(self, connection: Connection, versions: Collection[str]) -> set[str]:
        """Return those of `versions` that are this tenant's."""
        cursor = await connection.execute(
            "SELECT version FROM bundles WHERE tenant = %s AND version = ANY(%s)", (self._tenant, list(versions))
        )
        return {str(row[0]) for row in await cursor.fetchall()}

    async def add(self, connection: Connection, manifest: BundleManifest, run_id: str | None) -> None:
        """Record a sealed bundle as ready; one that is recorded already stays as it is."""
        await connection.execute(
            "INSERT INTO bundles (tenant, version, state, run_id, parent_version, created_at, metrics, item_count) "
            "VALUES (%s, %s, 'READY', %s, %s, %s, %s, %s) ON CONFLICT (tenant, version) DO NOTHING",
            (
                self._tenant,
                manifest.version,
                run_id,
                manifest.parent,
                datetime.fromisoformat(manifest.created_at),
                Jsonb(finite(manifest.metrics)),
                manifest.item_count,
            ),
        )

    async def mark_active(self, connection: Connection, version: str) -> None:
        """Make one bundle the active one and what was active ready, in the caller's transaction."""
        await connection.execute(
            "UPDATE bundles SET state = 'READY' WHERE tenant = %s AND state = 'ACTIVE' AND version <> %s",
            (self._tenant, version),
        )
        await connection.execute(
            "UPDATE bundles SET state = 'ACTIVE', activated_at = now() WHERE tenant = %s AND version = %s",
            (self._tenant, version),
        )

    async def mark_deleted(self, connection: Connection, versions: Sequence[str]) -> list[str]:
        """Record that the files of bundles go away; the active one is spared. Return the versions marked."""
        cursor = await connection.execute(
            "UPDATE bundles SET state = 'DELETED' "
            "WHERE tenant = %s AND version = ANY(%s) AND state = 'READY' RETURNING version",
            (self._tenant, list(versions)),
        )
        return [str(row[0]) for row in await cursor.fetchall()]


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics that JSON can hold."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


def _record(row: Sequence[Any]) -> BundleRecord:
    version, state, run_id, parent_version, created_at, activated_at, metrics, item_count = row
    return BundleRecord(
        version, BundleState(state), run_id, parent_version, created_at, activated_at, metrics, item_count
    )
