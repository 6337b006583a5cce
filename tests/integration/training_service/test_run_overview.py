"""All runs at a glance, out of the real table."""

from __future__ import annotations

import time

import pytest

from services.training.run_table import RunTable
from tests.integration.training_service.conftest import open_parts


@pytest.fixture
def add(database, tenant):
    def insert(run_id: str, state: str, created: int, started: int | None = None, ended: int | None = None) -> None:
        """Times are seconds ago; a run that runs got its lease when it started, for ten seconds."""
        database.execute(
            "INSERT INTO training_runs (tenant, id, state, created_at, started_at, ended_at, lease_expires_at) SELECT "
            "%(tenant)s, %(id)s, %(state)s, now() - make_interval(secs => %(created)s), "
            "now() - make_interval(secs => %(started)s), now() - make_interval(secs => %(ended)s), "
            "CASE WHEN %(state)s = 'RUNNING' THEN now() - make_interval(secs => %(started)s - 10) END",
            {"tenant": tenant, "id": run_id, "state": state, "created": created, "started": started, "ended": ended},
        )

    return insert


async def test_no_run_is_nothing_but_zeros(settings, tenant):
    async with open_parts(settings) as parts:
        overview = await RunTable(parts.pool, tenant).overview()
    assert set(overview.counts.values()) == {0}
    assert (overview.oldest_waiting_seconds, overview.last_success_timestamp, overview.last_run_seconds) == (0, 0, 0)


async def test_runs_are_counted_by_where_they_stand(settings, tenant, add):
    add("succeeded", "SUCCEEDED", 4000, 3900, 3600)
    add("failed", "FAILED", 2000, 1900, 1800)
    add("abandoned", "RUNNING", 1000, 900)
    add("running", "RUNNING", 50, 5)
    add("waits", "QUEUED", 300)
    add("waits too", "QUEUED", 200)
    async with open_parts(settings) as parts:
        overview = await RunTable(parts.pool, tenant).overview()
        others = await RunTable(parts.pool, f"{tenant}-other").overview()
    assert overview.counts == {"queued": 2, "running": 1, "abandoned": 1, "succeeded": 1, "failed": 1}
    assert overview.oldest_waiting_seconds == pytest.approx(890, abs=60), "since its worker's lease ran out"
    assert overview.last_success_timestamp == pytest.approx(time.time() - 3600, abs=60)
    assert overview.last_run_seconds == pytest.approx(100)
    assert sum(others.counts.values()) == 0
