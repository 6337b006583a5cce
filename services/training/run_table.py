"""The table of runs, as the server sees it: put in, looked up, and found again when nobody works on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from services.core.errors import OverloadedError, UnavailableError
from services.plumbing.clients.postgres import Pool, connection
from services.training.page_token import PagePlace
from services.training.run_record import RunParameters, RunRecord, RunState

_SELECT = """
SELECT id, state, step, progress, message, created_at, started_at, ended_at, coalesce(bundle_version, ''), metrics,
       coalesce(error, '')
  FROM training_runs WHERE tenant = %s
"""


_OVERVIEW = """
SELECT count(*) FILTER (WHERE state = 'QUEUED'),
       count(*) FILTER (WHERE state = 'RUNNING' AND lease_expires_at >= now()),
       count(*) FILTER (WHERE state = 'RUNNING' AND lease_expires_at < now()),
       count(*) FILTER (WHERE state = 'SUCCEEDED'),
       count(*) FILTER (WHERE state = 'FAILED'),
       coalesce(extract(epoch FROM now() - least(
           min(created_at) FILTER (WHERE state = 'QUEUED'),
           min(lease_expires_at) FILTER (WHERE state = 'RUNNING' AND lease_expires_at < now()))), 0)::float8,
       coalesce(extract(epoch FROM max(ended_at) FILTER (WHERE state = 'SUCCEEDED')), 0)::float8,
       coalesce((array_agg(extract(epoch FROM ended_at - started_at) ORDER BY ended_at DESC)
                 FILTER (WHERE ended_at IS NOT NULL))[1], 0)::float8
  FROM training_runs WHERE tenant = %s
"""


@dataclass(frozen=True, slots=True)
class RunOverview:
    """All runs at a glance.

    Attributes:
        counts: Runs by state: queued, running, abandoned (its worker's lease has run out), succeeded, failed.
        oldest_waiting_seconds: Since when a run waits that nobody works on; 0 for none.
        last_success_timestamp: Seconds since 1970-01-01 UTC; 0 for never.
        last_run_seconds: How long the run that ended last took; 0 for none.
    """

    counts: Mapping[str, int]
    oldest_waiting_seconds: float
    last_success_timestamp: float
    last_run_seconds: float


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

    async def overview(self) -> RunOverview:
        """Return all runs at a glance."""
        async with connection(self._pool) as borrowed:
            row = await (await borrowed.execute(_OVERVIEW, (self._tenant,))).fetchone()
        if row is None:
            raise UnavailableError("the database said nothing of the runs")
        states = ("queued", "running", "abandoned", "succeeded", "failed")
        return RunOverview(dict(zip(states, row[:5], strict=True)), *row[5:])

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
