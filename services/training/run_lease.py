"""The lease: the right to work on a run, kept in PostgreSQL and renewed while the work goes on.

Whoever takes a run raises its fencing token. Every later write names the token, so that a worker that was thought
dead, and was not, can change nothing any more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from services.training.bundle_table import finite
from services.training.run_record import RunParameters, RunState

logger = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.5
_FINAL_WRITE_SECONDS = 60.0
# One number for all who take runs of this database, so that two of them do not take two runs at once.
_TAKE_LOCK_KEY = 7_415_200_002

_TAKE = """
UPDATE training_runs SET state = 'RUNNING', lease_owner = %(owner)s, deliveries = deliveries + 1,
       lease_expires_at = now() + make_interval(secs => %(seconds)s), fencing_token = fencing_token + 1,
       started_at = coalesce(started_at, now())
 WHERE tenant = %(tenant)s AND id = %(id)s
   AND (state = 'QUEUED' OR (state = 'RUNNING' AND lease_expires_at < now()))
   AND NOT EXISTS (SELECT 1 FROM training_runs other WHERE other.tenant = %(tenant)s AND other.id <> %(id)s
                      AND other.state = 'RUNNING' AND other.lease_expires_at >= now())
RETURNING fencing_token, deliveries, parameters, progress, metrics
"""
_RENEW = """
UPDATE training_runs SET lease_expires_at = now() + make_interval(secs => %(seconds)s), step = %(step)s,
       progress = %(progress)s, message = %(message)s, metrics = %(metrics)s
 WHERE tenant = %(tenant)s AND id = %(id)s AND fencing_token = %(token)s AND state = 'RUNNING'
"""
_FINISH = """
UPDATE training_runs SET state = %(state)s, error = nullif(%(error)s, ''), ended_at = now(), lease_owner = NULL,
       lease_expires_at = NULL, step = %(step)s, message = %(message)s, metrics = %(metrics)s,
       progress = CASE WHEN %(state)s = 'SUCCEEDED' THEN 1 ELSE %(progress)s END
 WHERE tenant = %(tenant)s AND id = %(id)s AND fencing_token = %(token)s AND state = 'RUNNING'
"""
_GIVE_BACK = """
UPDATE training_runs SET state = 'QUEUED', lease_owner = NULL, lease_expires_at = NULL, message = %(message)s,
       deliveries = greatest(0, deliveries - 1)
 WHERE tenant = %(tenant)s AND id = %(id)s AND fencing_token = %(token)s AND state = 'RUNNING'
"""


class LeaseLostError(Exception):
    """Another worker has the run now; nothing may be written any more."""


@dataclass(frozen=True, slots=True)
class RunKey:
    """A run and the token under which it was taken."""

    tenant: str
    id: str
    token: int


class RunLease:
    """A run that this process works on. Use as a context: the lease is renewed while it is open."""

    def __init__(self, database_url: str, key: RunKey, parameters: RunParameters, deliveries: int, seconds: float):
        self.key = key
        self.parameters = parameters
        self.deliveries = deliveries
        self.lost = threading.Event()
        self._database_url = database_url
        self._seconds = seconds
        self._report: dict[str, Any] = {"step": "", "progress": 0.0, "message": "", "metrics": {}}
        self._changed = False
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease-{key.id}", daemon=True)

    @classmethod
    def take(cls, database_url: str, tenant: str, run_id: str, owner: str, seconds: float) -> RunLease | None:
        """Take a run that waits or whose lease has run out; None if it has ended or a run is being worked on.

        Raises:
            psycopg.OperationalError: The database is away.
        """
        values = {"tenant": tenant, "id": run_id, "owner": owner, "seconds": seconds}
        with psycopg.connect(database_url, connect_timeout=5) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TAKE_LOCK_KEY,))
            row = connection.execute(_TAKE, values).fetchone()
        if row is None:
            return None
        token, deliveries, parameters, progress, metrics = row
        lease = cls(
            database_url, RunKey(tenant, run_id, token), RunParameters.from_json(parameters), deliveries, seconds
        )
        lease._report.update(progress=progress, metrics=metrics)
        return lease

    def __enter__(self) -> RunLease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_renewing()

    def report(self, step: str, progress: float, message: str = "", metrics: Mapping[str, float] | None = None) -> None:
        """Say how far the run is; written by the renewing thread at most twice a second. Metrics add up."""
        with self._guard:
            known = {**self._report["metrics"], **finite(metrics or {})}
            # Who resumes a run begins it anew for a moment; its callers need not see that.
            share = max(self._report["progress"], min(1.0, max(0.0, progress)))
            self._report = {"step": step, "progress": share, "message": message[:500], "metrics": known}
            self._changed = True

    def finish(self, state: RunState, message: str, *, error: str = "") -> None:
        """End the run. The last word survives a short absence of the database.

        Raises:
            LeaseLostError: The run is another worker's.
            psycopg.OperationalError: The database stayed away; the run will be taken up again.
        """
        self._stop_renewing()
        with self._guard:
            report = dict(self._report)
        report["message"] = message[:500]
        self._write(
            _FINISH,
            {**report, "metrics": Jsonb(report["metrics"]), "state": state.value, "error": error[:500]},
        )

    def give_back(self, message: str) -> None:
        """Put the run back in the queue as if this worker had not taken it: it was asked to stop."""
        self._stop_renewing()
        self._write(_GIVE_BACK, {"message": message})

    def _write(self, statement: str, values: Mapping[str, Any]) -> None:
        deadline = time.monotonic() + _FINAL_WRITE_SECONDS
        while True:
            try:
                with psycopg.connect(self._database_url, connect_timeout=5) as connection:
                    self._update(connection, statement, values)
            except psycopg.OperationalError:
                if time.monotonic() >= deadline:
                    raise
                # The run is over and its thread has nothing else to do than to say so.
                time.sleep(1.0)
            else:
                return

    def _update(
        self, connection: psycopg.Connection[tuple[Any, ...]], statement: str, values: Mapping[str, Any]
    ) -> None:
        own = {"tenant": self.key.tenant, "id": self.key.id, "token": self.key.token}
        cursor = connection.execute(statement, {**values, **own})
        if cursor.rowcount != 1:
            self.lost.set()
            raise LeaseLostError(f"run {self.key.id} is not this worker's any more")

    def _renew(self) -> None:
        connection: psycopg.Connection[tuple[Any, ...]] | None = None
        renewed, away = 0.0, False
        while not self._closing.wait(_FLUSH_SECONDS):
            with self._guard:
                due = self._changed or time.monotonic() - renewed >= self._seconds / 5
                report, self._changed = self._report, False
            if not due:
                continue
            try:
                connection = connection or psycopg.connect(self._database_url, autocommit=True, connect_timeout=3)
                self._update(
                    connection,
                    _RENEW,
                    {**report, "metrics": Jsonb(report["metrics"]), "seconds": self._seconds},
                )
                renewed, away = time.monotonic(), False
            except LeaseLostError:
                break
            except psycopg.Error as error:
                # Nobody can take the run while the database is away; the token tells whether somebody did.
                if not away:
                    logger.warning("the lease of run %s is not renewed: %s", self.key.id, type(error).__name__)
                away = True
                with self._guard:
                    self._changed = True
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _stop_renewing(self) -> None:
        self._closing.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=10.0)
