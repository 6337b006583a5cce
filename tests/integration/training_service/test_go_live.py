"""What becomes of a sealed bundle: refused by the gate, fenced off, or live. The training itself is left out."""

from __future__ import annotations

import dataclasses

import pytest
from psycopg import AsyncConnection

from services.plumbing.bundle_pointer import read_pointer
from services.training.run_lease import LeaseLostError, RunKey, RunLease
from services.training.steps.go_live import NotLiveError, Outcome, go_live
from tests.bundle_maker import make_bundle

GOOD = {"ranker/ndcg@10": 0.1, "popularity/ndcg@10": 0.05}


@pytest.fixture
def lease(settings, database, tenant) -> RunLease:
    database.execute("INSERT INTO training_runs (tenant, id, state) VALUES (%s, 'r', 'QUEUED')", (tenant,))
    taken = RunLease.take(settings.database_url, tenant, "r", "worker", 60.0)
    assert taken is not None
    return taken


def bundles(database, tenant):
    return database.execute("SELECT version, state, run_id FROM bundles WHERE tenant = %s", (tenant,)).fetchall()


async def run(settings, key, manifest, **options):
    said = []
    options = {"skip_activation": False, **options}
    outcome = await go_live(settings, key, manifest, lambda step, _: said.append(step), lambda: False, **options)
    return outcome, said


async def test_a_bundle_that_does_not_beat_popularity_is_kept_and_not_live(settings, database, tenant, lease):
    manifest = make_bundle(settings.bundle_store, "20240301000000")
    weak = dataclasses.replace(manifest, metrics={**GOOD, "ranker/ndcg@10": 0.04})
    outcome, said = await run(settings, lease.key, weak)
    assert outcome.held_back
    assert outcome.message == (
        "bundle 20240301000000 is kept but not activated, because its NDCG@10 on held-out events, 0.0400, "
        "does not beat popularity's 0.0500"
    )
    assert said == ["gate"]
    assert bundles(database, tenant) == [("20240301000000", "READY", "r")]
    assert read_pointer(settings.bundle_store) is None
    run_row = database.execute("SELECT bundle_version, state FROM training_runs WHERE tenant = %s", (tenant,))
    assert run_row.fetchone() == ("20240301000000", "RUNNING")


async def test_a_good_bundle_is_kept_and_not_live_when_its_caller_wants_so(settings, lease):
    manifest = dataclasses.replace(make_bundle(settings.bundle_store, "20240302000000"), metrics=GOOD)
    outcome, _ = await run(settings, lease.key, manifest, skip_activation=True)
    assert outcome == Outcome("bundle 20240302000000 is kept but not activated, as asked")
    assert read_pointer(settings.bundle_store) is None


async def test_a_worker_that_lost_its_run_records_and_activates_nothing(settings, database, tenant, lease):
    manifest = dataclasses.replace(make_bundle(settings.bundle_store, "20240303000000"), metrics=GOOD)
    stale = RunKey(tenant, "r", lease.key.token - 1)
    with pytest.raises(LeaseLostError):
        await run(settings, stale, manifest)
    assert bundles(database, tenant) == []
    assert read_pointer(settings.bundle_store) is None


async def test_a_run_lost_while_triton_loaded_does_not_go_live(settings, parts, database, tenant):
    make_bundle(settings.bundle_store, "20240304000000")

    async def lost(_: AsyncConnection) -> None:
        raise LeaseLostError("run r is not this worker's any more")

    with pytest.raises(LeaseLostError):
        await parts.activation.activate("20240304000000", lost)
    assert bundles(database, tenant) == []
    assert read_pointer(settings.bundle_store) is None
    assert (await parts.activation.activate("20240304000000")).record.state == "ACTIVE"


async def test_a_bundle_that_cannot_serve_ends_the_run_with_what_to_do(settings, database, tenant, lease):
    manifest = make_bundle(settings.bundle_store, "20240305000000")
    (settings.bundle_store / "20240305000000" / "items" / "ids.npy").write_bytes(b"rotten")
    with pytest.raises(NotLiveError) as refused:
        await run(settings, lease.key, dataclasses.replace(manifest, metrics=GOOD))
    assert str(refused.value) == (
        "bundle 20240305000000 is kept but does not serve: bundle 20240305000000: items/ids.npy was altered after it "
        "was sealed; it cannot serve"
    )
    assert bundles(database, tenant) == [("20240305000000", "READY", "r")]
