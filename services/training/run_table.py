"""The table of runs, as the server sees it: put in, looked up, and found again when nobody works on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from services.core.errors import OverloadedError
from services.plumbing.clients.postgres import Pool, connection
from services.training.page_token import PagePlace
from services.training.run_record import RunParameters, RunRecord, RunState

_SELECT = """
SELECT id, state, step, progress, message, created_at, started_at, ended_at, coalesce(bundle_version, ''), metrics,
       coalesce(error, '')
  FROM training_runs WHERE tenant = %s
"""


@dataclass(frozen=True, slots=True)
class WaitingRuns:
    """Runs that a worker should take up, oldest first, and whether one is being worked on now."""

    ids: tuple[str, ...]
    busy: bool


class RunTable:
    """Reads and writes the runs of one tenant. Raises UnavailableError while the database is away."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def add(self, run_id: str, parameters: RunParameters, max_waiting: int) -> tuple[RunRecord, bool]:
        """Queue a run; one that exists under this id stays as it is. Return it, and whether it is new.

        Raises:
            OverloadedError: max_waiting runs wait already.
        """
        async with connection(self._pool) as borrowed:
            cursor = await borrowed.execute(
                "INSERT INTO training_runs (tenant, id, state, message, parameters) "
                "SELECT %(tenant)s, %(id)s, 'QUEUED', 'waits for the worker', %(parameters)s WHERE "
                "(SELECT count(*) FROM training_runs WHERE tenant = %(tenant)s AND state = 'QUEUED') < %(most)s "
                "ON CONFLICT (tenant, id) DO NOTHING",
                {
                    "tenant": self._tenant,
                    "id": run_id,
                    "parameters": Jsonb(parameters.to_json()),
                    "most": max_waiting,
                },
            )
            added = cursor.rowcount == 1
        record = await self.get(run_id)
        if record is None:
            raise OverloadedError(f"{max_waiting} training runs wait already; try again when some have ended")
        return record, added

    async def get(self, run_id: str) -> RunRecord | None:
        """Return a run, or None."""
        async with connection(self._pool) as borrowed:
            cursor = await borrowed.execute(_SELECT + "AND id = %s", (self._tenant, run_id))
            row = await cursor.fetchone()
        return None if row is None else _record(row)

    async def page(self, after: PagePlace, size: int) -> list[RunRecord]:
        """Return at most `size` runs made before a place, newest first."""
        async with connection(self._pool) as borrowed:
            cursor = await borrowed.execute(
                _SELECT + "AND (created_at, id) < (%s, %s) ORDER BY created_at DESC, id DESC LIMIT %s",
                (self._tenant, after.time, after.id, size),
            )
            return [_record(row) for row in await cursor.fetchall()]

    async def waiting(self) -> WaitingRuns:
        """Return the runs that are queued or whose worker's lease has run out."""
        async with connection(self._pool) as borrowed:
            cursor = await borrowed.execute(
                "SELECT id, state = 'RUNNING' AND lease_expires_at >= now() FROM training_runs "
                "WHERE tenant = %s AND state IN ('QUEUED', 'RUNNING') ORDER BY created_at, id LIMIT 1000",
                (self._tenant,),
            )
            rows = await cursor.fetchall()
        return WaitingRuns(tuple(run_id for run_id, held in rows if not held), any(held for _, held in rows))


def _record(row: Sequence[Any]) -> RunRecord:
    run_id, state, *rest = row
    return RunRecord(run_id, RunState(state), *rest)
