"""Runs through the real server and real worker processes: started twice, interrupted twice, and live in the end."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from trommel.training.v1 import training_pb2, training_pb2_grpc

from services.plumbing.bundle_pointer import read_pointer
from services.training.worker import ARGUMENTS
from tests.integration.training_service.conftest import open_parts
from tests.otlp_receiver import OtlpReceiver, receiving

Run = training_pb2.Run


@contextmanager
def process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as stream:
        started = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(environment: dict[str, str], log: Path) -> Iterator[training_pb2_grpc.TrainingServiceStub]:
    address = f"127.0.0.1:{free_port()}"
    with process(
        [sys.executable, "-m", "services.training.server"], {**environment, "TROMMEL_LISTEN": address}, log
    ) as started:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
            yield training_pb2_grpc.TrainingServiceStub(channel)
        started.terminate()
        assert started.wait(timeout=20) == 0


def worker(environment: dict[str, str], log: Path):
    return process([sys.executable, "-m", "celery", *ARGUMENTS], environment, log)


def read_page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as page:
        return page.read().decode()


def wait_for(stub, run_id: str, wanted: Callable[[Run], bool], seconds: float) -> Run:
    deadline = time.monotonic() + seconds
    while True:
        run = stub.GetRun(training_pb2.GetRunRequest(run_id=run_id)).run
        if wanted(run):
            return run
        assert run.state not in (Run.STATE_FAILED, Run.STATE_SUCCEEDED), run
        assert time.monotonic() < deadline, run
        time.sleep(0.1)


def record_walks(database, tenant: str, *, users: int, events: int, items: int = 60) -> None:
    """Record users who mostly go from one item to the next: easy to learn, and popularity tells nothing."""
    randomness = random.Random(7)
    start = datetime.now(UTC) - timedelta(days=1)
    rows = []
    for user in range(users):
        item = randomness.randrange(items)
        for step in range(events):
            time_of_event = start + timedelta(seconds=60 * step + user)
            rows.append((tenant, f"{user}-{step}", f"u{user}", f"i{item:02}", 2, time_of_event))
            item = (item + randomness.choice((1, 1, 1, 2))) % items
    with database.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO events (tenant, event_id, user_id, item_id, type, event_time) VALUES (%s, %s, %s, %s, %s, %s)",
            rows,
        )


async def test_a_run_survives_a_stopped_and_a_killed_worker_and_goes_live(
    environment, settings, database, tenant, tmp_path
):
    record_walks(database, tenant, users=150, events=30)
    metrics_port = free_port()
    environment = {**environment, "TROMMEL_METRICS_LISTEN": f"127.0.0.1:{metrics_port}"}
    with server({**environment, "TROMMEL_METRICS_LISTEN": "127.0.0.1:0"}, tmp_path / "server.log") as stub:
        request = training_pb2.StartRunRequest(run_id="twice", seed=5, max_epochs=12)
        first = stub.StartRun(request).run
        again = stub.StartRun(request).run
        assert (first.id, first.state, first.create_time) == ("twice", Run.STATE_QUEUED, again.create_time)

        with worker(environment, tmp_path / "worker.log") as stopped:
            before = wait_for(stub, "twice", lambda run: run.progress > 0.1, 60)
            assert before.state == Run.STATE_RUNNING
            assert before.step == "transformer"
            stopped.send_signal(signal.SIGTERM)
            assert stopped.wait(timeout=15) == 0
        run = stub.GetRun(training_pb2.GetRunRequest(run_id="twice")).run
        assert run.state == Run.STATE_QUEUED
        assert list((tmp_path / "bundles").glob("*.work/transformer.pt"))

        with worker(environment, tmp_path / "worker.log") as killed:
            later = wait_for(stub, "twice", lambda run: run.progress > before.progress + 0.1, 60)
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
        assert stub.GetRun(training_pb2.GetRunRequest(run_id="twice")).run.state == Run.STATE_RUNNING

        with worker(environment, tmp_path / "worker.log"):
            done = wait_for(stub, "twice", lambda run: run.state == Run.STATE_SUCCEEDED, 120)
            text = await asyncio.to_thread(read_page, f"http://127.0.0.1:{metrics_port}/metrics")
        assert done.progress == 1.0
        assert done.progress >= later.progress
        assert done.bundle_version == first_version(stub)
        assert done.metrics["ranker/ndcg@10"] > done.metrics["popularity/ndcg@10"]
        assert done.message == f"bundle {done.bundle_version} serves"
        assert 'trommel_training_runs_total{state="succeeded"} 1.0' in text
        assert 'trommel_training_runs_total{state="held_back"} 0.0' in text
        assert 'trommel_training_step_duration_seconds_count{step="activate"} 1.0' in text
        assert [line for line in text.splitlines() if line.startswith("trommel_part_up")] == [
            'trommel_part_up{part="postgres"} 1.0',
            'trommel_part_up{part="redis"} 1.0',
        ]
        assert len(stub.ListRuns(training_pb2.ListRunsRequest()).runs) == 1
        row = database.execute(
            "SELECT deliveries, fencing_token, lease_owner FROM training_runs WHERE tenant = %s", (tenant,)
        ).fetchone()
        assert row == (2, 3, None)

    pointer = read_pointer(settings.bundle_store)
    assert (pointer.version, pointer.previous) == (done.bundle_version, None)
    async with open_parts(settings) as parts:
        for model in ("ranker", "user_encoder"):
            assert await parts.models.is_ready(model, done.bundle_version)
    assert not list((tmp_path / "bundles").glob("*.work"))
    assert not list((tmp_path / "bundles" / ".runs").iterdir())


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with receiving() as running:
        yield running


def first_version(stub) -> str:
    (bundle,) = stub.ListBundles(training_pb2.ListBundlesRequest()).bundles
    assert bundle.state == training_pb2.Bundle.STATE_ACTIVE
    assert bundle.run_id == "twice"
    assert bundle.item_count == 60
    return bundle.version


async def test_a_run_started_while_redis_is_away_is_queued_later_and_fails_with_a_clear_line(
    environment, database, tenant, tmp_path, receiver
):
    record_walks(database, tenant, users=3, events=4)
    environment = {
        **environment,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    trace_id, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with server({**environment, "TROMMEL_REDIS_URL": "redis://127.0.0.1:1/0"}, tmp_path / "server.log") as stub:
        started = time.monotonic()
        run = stub.StartRun(
            training_pb2.StartRunRequest(run_id="patient"), metadata=[("traceparent", f"00-{trace_id}-{caller}-01")]
        ).run
        assert time.monotonic() - started < 8.0
        assert run.state == Run.STATE_QUEUED
    with server(environment, tmp_path / "server.log") as stub, worker(environment, tmp_path / "worker.log"):
        run = wait_for(stub, "patient", lambda run: run.state == Run.STATE_FAILED, 60)
        assert run.error == (
            "12 events of 3 users on 12 items are too few to train on: at least 50 events, "
            "5 users with 3 or more each, and 10 items are needed"
        )
        assert not run.bundle_version
        assert stub.ListBundles(training_pb2.ListBundlesRequest()).bundles == []
        received = receiver.wait_for(trace_id, "training run", "step snapshot")
    # From the caller across the row and the queue into the worker, which was woken by another server.
    trace = {span.name: span for span in received}
    started_by, worked = trace["trommel.training.v1.TrainingService/StartRun"], trace["training run"]
    assert (started_by.service, started_by.parent_id) == ("training-api", caller)
    assert (worked.service, worked.parent_id) == ("training-worker", started_by.span_id)
    assert worked.attributes == {"trommel.attempt": 1, "trommel.run_state": "failed"}
    assert trace["step snapshot"].parent_id == worked.span_id
    assert "postgresql" in trace


async def test_a_run_that_kills_every_worker_is_given_up(environment, settings, database, tenant, tmp_path):
    database.execute(
        "INSERT INTO training_runs (tenant, id, state, deliveries, lease_expires_at) "
        "VALUES (%s, 'poison', 'RUNNING', 5, now() - interval '1 second')",
        (tenant,),
    )
    with server(environment, tmp_path / "server.log") as stub, worker(environment, tmp_path / "worker.log"):
        run = wait_for(stub, "poison", lambda run: run.state == Run.STATE_FAILED, 30)
    assert run.error.startswith("the worker died 5 times during this run")
