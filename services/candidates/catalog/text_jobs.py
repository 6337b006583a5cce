"""Text jobs: the durable queue of items whose text waits for the text encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.item_store import TAKE_TURN
from services.candidates.catalog.real_array import RealArray, register_real_arrays
from services.core.text_encoder_files import MOST_ATTEMPTS, TEXT
from services.plumbing.clients.postgres import Pool, connection

_LEASE_SECONDS = 60
# A claim is a lease: whoever is killed meanwhile loses it, and the text is claimed again when it has run out.
_CLAIM = f"""
UPDATE text_jobs SET not_before = now() + interval '{_LEASE_SECONDS} seconds', attempts = attempts + 1
FROM items
WHERE text_jobs.tenant = %(tenant)s AND items.tenant = text_jobs.tenant AND items.item_id = text_jobs.item_id
    AND text_jobs.item_id IN (
        SELECT item_id FROM text_jobs WHERE tenant = %(tenant)s AND not_before <= now() AND attempts < %(most)s
        ORDER BY bulk, not_before, item_id LIMIT %(count)s FOR UPDATE SKIP LOCKED)
RETURNING text_jobs.item_id, text_jobs.revision, items.title, items.categories, items.text
"""  # noqa: S608 - a constant
_STILL_WANTED = """
SELECT item_id FROM text_jobs JOIN unnest(%s::text[], %s::bigint[]) AS done (item_id, revision)
    USING (item_id, revision) WHERE tenant = %s FOR UPDATE
"""
_DELETE_JOBS = "DELETE FROM text_jobs WHERE tenant = %s AND item_id = ANY(%s)"
_STORE_VECTOR = """
INSERT INTO item_vectors (tenant, item_id, name, "values", encoder, digest) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant, item_id, name) DO UPDATE
    SET "values" = excluded."values", encoder = excluded.encoder, digest = excluded.digest
"""
_TOUCH = """
UPDATE items SET revision = nextval('item_revision_seq')
WHERE tenant = %s AND item_id = ANY(%s) AND deleted_at IS NULL
"""
_GIVE_BACK = """
UPDATE text_jobs SET attempts = attempts - 1, not_before = now() + %s * interval '1 second'
FROM unnest(%s::text[], %s::bigint[]) AS claimed (item_id, revision)
WHERE tenant = %s AND text_jobs.item_id = claimed.item_id AND text_jobs.revision = claimed.revision
"""
_NOTE_FAILURE = """
UPDATE text_jobs SET not_before = now() + attempts * attempts * interval '1 second', error = %s
WHERE tenant = %s AND item_id = %s AND revision = %s
"""
_OUTDATED = """
INSERT INTO text_jobs (tenant, item_id, revision)
SELECT items.tenant, items.item_id, items.revision FROM item_vectors JOIN items USING (tenant, item_id)
WHERE tenant = %s AND name = %s AND encoder <> '' AND encoder <> %s AND deleted_at IS NULL
ON CONFLICT DO NOTHING
"""
_COUNTS = """
SELECT count(*) FILTER (WHERE attempts < %(most)s), count(*) FILTER (WHERE attempts >= %(most)s)
FROM text_jobs WHERE tenant = %(tenant)s
"""


@dataclass(frozen=True, slots=True)
class TextJob:
    """One claimed job. revision: the item's when its text was written."""

    item_id: str
    revision: int
    title: str
    categories: tuple[str, ...]
    text: str


class TextJobs:
    """The jobs of one tenant. Every method raises UnavailableError when the database is away."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def claim(self, count: int) -> list[TextJob]:
        """Return jobs that are due, which nobody else gets for a minute."""
        values = {"tenant": self._tenant, "most": MOST_ATTEMPTS, "count": count}
        async with connection(self._pool) as borrowed:
            found = await (await borrowed.execute(_CLAIM, values)).fetchall()
        return [
            TextJob(item_id, revision, title, tuple(names), text) for item_id, revision, title, names, text in found
        ]

    async def finish(
        self, jobs: Sequence[TextJob], vectors: NDArray[np.float32], digests: Sequence[str], encoder: str
    ) -> int:
        """Store the vectors float32 [K, C] of jobs and end these; return how many were still wanted.

        Each item gets a new revision, so that whoever follows the catalog reads it again. A vector of zeros stands
        for a text that says nothing and is not stored.
        """
        async with connection(self._pool) as borrowed, borrowed.cursor() as cursor:
            await cursor.execute(TAKE_TURN, (self._tenant,))
            ids = [job.item_id for job in jobs]
            await cursor.execute(_STILL_WANTED, (ids, [job.revision for job in jobs], self._tenant))
            wanted = {item_id for (item_id,) in await cursor.fetchall()}
            await cursor.execute(_DELETE_JOBS, (self._tenant, sorted(wanted)))
            rows = [
                (self._tenant, job.item_id, TEXT, RealArray(vector), encoder, digest)
                for job, vector, digest in zip(jobs, vectors, digests, strict=True)
                if job.item_id in wanted and vector.any()
            ]
            if rows:
                register_real_arrays(cursor.adapters)
                await cursor.executemany(_STORE_VECTOR, rows)
                await cursor.execute(_TOUCH, (self._tenant, [row[1] for row in rows]))
        return len(wanted)

    async def give_back(self, jobs: Sequence[TextJob], seconds: float) -> None:
        """End claims without counting them as attempts; the jobs are due again in so many seconds."""
        columns = ([job.item_id for job in jobs], [job.revision for job in jobs])
        async with connection(self._pool) as borrowed:
            await borrowed.execute(_GIVE_BACK, (seconds, *columns, self._tenant))

    async def failed(self, job: TextJob, error: str) -> None:
        """Note that a text could not be encoded; it is tried again later, at most MOST_ATTEMPTS times in all."""
        async with connection(self._pool) as borrowed:
            await borrowed.execute(_NOTE_FAILURE, (error, self._tenant, job.item_id, job.revision))

    async def queue_outdated(self, encoder: str) -> int:
        """Queue all items whose text another encoder has encoded; return how many."""
        async with connection(self._pool) as borrowed:
            return (await borrowed.execute(_OUTDATED, (self._tenant, TEXT, encoder))).rowcount

    async def counts(self) -> tuple[int, int]:
        """Return how many wait, and how many were given up."""
        async with connection(self._pool) as borrowed:
            row = await (await borrowed.execute(_COUNTS, {"tenant": self._tenant, "most": MOST_ATTEMPTS})).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)
