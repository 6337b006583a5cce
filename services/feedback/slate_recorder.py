"""The slate recorder: served slates in PostgreSQL, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.feedback.patience import patiently
from services.feedback.slate import Slate
from services.plumbing.clients.postgres import Pool, connection
from services.plumbing.metrics import SLATE_RECORDS

_CONNECTION_SECONDS = 1.0
_STATEMENT_SECONDS = 10.0
_INSERT = """
INSERT INTO slates (tenant, request_id, user_id, scenario, served_at, bundle_version, policy, context,
                    history_item_ids, item_ids, scores, feature_names, features, degraded_reasons)
VALUES (%s, %s, %s, %s, timestamptz 'epoch' + %s::bigint * interval '1 microsecond', %s, %s, %s::jsonb,
        %s::text[], %s::text[], %s::real[], %s::text[], %s::real[], %s::text[])
ON CONFLICT DO NOTHING
"""


class SlateRecorder:
    """Records slates."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant
        self._recorded, self._duplicate = SLATE_RECORDS.labels("recorded"), SLATE_RECORDS.labels("duplicate")

    async def record(self, slates: Sequence[Slate], patience_seconds: float) -> int:
        """Commit the slates that are not known yet, all or none; return how many that were.

        Raises:
            UnavailableError: The database was away longer than the patience; nothing was acknowledged.
            OverloadedError: Too many wait for it already.
        """
        recorded = await patiently(lambda: self._insert(slates), patience_seconds)
        self._recorded.inc(recorded)
        self._duplicate.inc(len(slates) - recorded)
        return recorded

    async def _insert(self, slates: Sequence[Slate]) -> int:
        # In one order, so that two batches with the same slates cannot deadlock.
        rows = [(self._tenant, *slate) for slate in sorted(slates, key=lambda slate: slate.request_id)]
        async with (
            connection(self._pool, timeout=_CONNECTION_SECONDS) as database,
            asyncio.timeout(_STATEMENT_SECONDS),
            database.transaction(),
            database.cursor() as cursor,
        ):
            await cursor.executemany(_INSERT, rows)
            return cursor.rowcount
