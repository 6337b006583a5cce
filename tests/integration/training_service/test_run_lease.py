"""Only one worker has a run; one that lost it can change nothing."""

from __future__ import annotations

import time

import pytest
from psycopg.types.json import Jsonb

from services.training.run_lease import LeaseLostError, RunLease
from services.training.run_record import RunParameters, RunState


@pytest.fixture
def queued(database, tenant):
    def add(run_id: str, parameters: RunParameters = RunParameters()) -> str:  # noqa: B008 - frozen
        database.execute(
            "INSERT INTO training_runs (tenant, id, state, parameters) VALUES (%s, %s, 'QUEUED', %s)",
            (tenant, run_id, Jsonb(parameters.to_json())),
        )
        return run_id

    return add


def row(database, tenant, run_id, columns):
    return database.execute(
        f"SELECT {columns} FROM training_runs WHERE tenant = %s AND id = %s", (tenant, run_id)
    ).fetchone()


def take(settings, run_id, seconds=5.0):
    return RunLease.take(settings.database_url, settings.tenant, run_id, "worker", seconds)


def test_a_run_is_taken_once_and_one_at_a_time(settings, database, tenant, queued):
    queued("one", RunParameters(seed=3, warm_start=True))
    queued("two")
    lease = take(settings, "one")
    assert lease is not None
    assert lease.parameters == RunParameters(seed=3, warm_start=True)
    assert take(settings, "one") is None
    assert take(settings, "two") is None
    assert take(settings, "unknown") is None
    lease.finish(RunState.SUCCEEDED, "done")
    assert take(settings, "one") is None
    assert take(settings, "two") is not None
    assert row(database, tenant, "one", "state, progress, message") == ("SUCCEEDED", 1.0, "done")


def test_the_lease_is_renewed_while_work_goes_on(settings, database, tenant, queued):
    lease = take(settings, queued("one"), seconds=1.0)
    with lease:
        lease.report("transformer", 0.5, "half", {"loss": 1.0, "broken": float("nan")})
        time.sleep(2.0)
        assert take(settings, "one") is None
        lease.report("transformer", 0.1, "resumed", {"ndcg": 0.25})
        time.sleep(1.0)
    found = row(database, tenant, "one", "step, progress, message, metrics")
    assert found == ("transformer", 0.5, "resumed", {"loss": 1.0, "ndcg": 0.25})


def test_who_lost_the_lease_writes_nothing(settings, database, tenant, queued):
    first = take(settings, queued("one"), seconds=0.2)
    time.sleep(0.4)
    second = take(settings, "one")
    assert second.key.token == first.key.token + 1
    assert second.deliveries == 2
    with first:
        first.report("transformer", 0.9, "from the dead")
        assert first.lost.wait(5.0)
    with pytest.raises(LeaseLostError):
        first.finish(RunState.FAILED, "from the dead", error="from the dead")
    with pytest.raises(LeaseLostError):
        first.give_back("from the dead")
    assert row(database, tenant, "one", "state, message, error") == ("RUNNING", "", None)


def test_a_run_given_back_waits_again_and_does_not_count_as_a_failed_attempt(settings, database, tenant, queued):
    lease = take(settings, queued("one"))
    lease.give_back("waits")
    assert row(database, tenant, "one", "state, deliveries, lease_owner") == ("QUEUED", 0, None)
    assert take(settings, "one") is not None
