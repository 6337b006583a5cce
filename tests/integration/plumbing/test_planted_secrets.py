"""Secrets planted in URLs, keys, headers and metadata are in no log, page, span or error, whatever goes wrong."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import grpc
import pytest
from trommel.candidates.v1 import candidates_pb2
from trommel.catalog.v1 import catalog_pb2
from trommel.feedback.v1 import feedback_pb2
from trommel.ranking.v1 import ranking_pb2
from trommel.training.v1 import training_pb2

from services.embedded import StackSettings, down, up
from services.plumbing.migrate import migrate
from tests.free_ports import free_port_base
from tests.fuzzing import Round, fuzz
from tests.otlp_receiver import OtlpReceiver, receiving
from tests.service_process import Process, process
from tests.strange_messages import StrangeMessages

pytestmark = pytest.mark.integration

# With what a URL must quote, and JSON, so that no form of it slips through.
DATABASE, REDIS = 'planted-"database/pass@word', "planted-redis/pass:word"
KEY, HEADER, METADATA = "planted-admin-key", "planted-collector-header", "planted-in-metadata"
SECRETS = {
    form
    for secret in (DATABASE, REDIS, KEY, HEADER, METADATA)
    for form in (secret, quote(secret, safe=""), secret.replace('"', '\\"'), base64.b64encode(secret.encode()).decode())
}
# Parts of the passwords that a library could quote alone.
SECRETS |= {"planted-", "pass@word", "pass:word"}
SERVICES = {
    "candidates": [
        candidates_pb2.DESCRIPTOR.services_by_name["CandidateService"],
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
    ],
    "ranking": [ranking_pb2.DESCRIPTOR.services_by_name["RankingService"]],
    "feedback": [feedback_pb2.DESCRIPTOR.services_by_name["FeedbackService"]],
    "training": [training_pb2.DESCRIPTOR.services_by_name["TrainingService"]],
}
WORKER = [*(sys.executable, "-m", "celery", "-A", "services.training.worker", "worker"), "--loglevel=DEBUG"]
# Lines by which each shows that what is tried did go wrong.
TROUBLES = {
    "candidates": "postgres does not answer",
    "ranking": "redis does not answer",
    "feedback": "redis does not answer",
    "training": "redis does not answer",
    "worker": "Cannot connect to redis",
}


class SecretMetadata(StrangeMessages):
    """Messages whose calls carry secrets where callers carry them."""

    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        keys = ("authorization", "proxy-authorization", "cookie", "x-api-key", "x-forwarded-access-token", "baggage")
        sampled = ("traceparent", f"00-{self._random.randbytes(16).hex()}-{'b' * 16}-01")
        return (
            *((key, f"Bearer {METADATA}") for key in keys),
            *(sampled, ("tracestate", f"vendor={METADATA}"), ("x-key-bin", METADATA.encode())),
        )


def with_password(url: str, password: str, port: int = 0) -> str:
    found = urlsplit(url)
    user = found.username or ""
    return urlunsplit(found._replace(netloc=f"{user}:{quote(password, safe='')}@127.0.0.1:{port or found.port}"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    settings = StackSettings(data_dir=tmp_path_factory.mktemp("secrets"), port_base=free_port_base())
    try:
        started = up(settings, only=("postgres", "redis")).environment
        migrate(started["TROMMEL_DATABASE_URL"])
        yield started
    finally:
        down(settings)


def call_everything(processes: dict[str, Process]) -> list[str]:
    """All services at the same time: most calls wait for a database until their deadline."""

    def call(name: str) -> list[str]:
        outcome = Round()
        with grpc.insecure_channel(processes[name].address) as channel:
            fuzz(channel, SERVICES[name], SecretMetadata("call", 0), outcome, calls_a_method=1)
        return outcome.told

    with ThreadPoolExecutor(len(SERVICES)) as pool:
        return [line for told in pool.map(call, SERVICES) for line in told]


def wait_for_trouble(processes: dict[str, Process]) -> None:
    until = time.monotonic() + 60
    for name, line in TROUBLES.items():
        while line not in processes[name].log.read_text():
            assert time.monotonic() < until, f"{name} never said: {line}\n{processes[name].log.read_text()}"
            time.sleep(0.2)


def look_for_secrets(said: dict[str, str], real: set[str]) -> None:
    for where, text in said.items():
        assert text, where
        found = sorted(secret for secret in SECRETS | real if secret in text)
        assert found == [], f"{where}: {[line for line in text.splitlines() if any(one in line for one in found)][:3]}"


@pytest.mark.parametrize("trouble", ["wrong passwords", "nobody there"])
def test_no_secret_is_said(environment: dict[str, str], trouble: str, tmp_path: Path) -> None:
    real = {urlsplit(environment[f"TROMMEL_{store}_URL"]).password or "" for store in ("DATABASE", "REDIS")}
    assert "" not in real
    port = 1 if trouble == "nobody there" else 0
    with receiving() as receiver, ExitStack() as running:
        planted = {
            **environment,
            "TROMMEL_DATABASE_URL": with_password(environment["TROMMEL_DATABASE_URL"], DATABASE, port),
            "TROMMEL_REDIS_URL": with_password(environment["TROMMEL_REDIS_URL"], REDIS, port),
            "TROMMEL_TRITON_URL": "127.0.0.1:1",
            "TROMMEL_TRITON_ADMIN_KEY": KEY,
            "TROMMEL_TEXT_ENCODER": "none",
            "TROMMEL_FEEDBACK_PATIENCE_SECONDS": "0",
            "TROMMEL_FEEDBACK_STREAM_PATIENCE_SECONDS": "0",
            "TROMMEL_LOG_LEVEL": "DEBUG",
            "TROMMEL_DRAIN_DELAY_SECONDS": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={HEADER}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        processes = {name: running.enter_context(process(name, tmp_path, planted)) for name in SERVICES}
        processes["worker"] = running.enter_context(process("worker", tmp_path, planted, WORKER))
        told = call_everything(processes)
        wait_for_trouble(processes)
        wait_for_spans(receiver)
        said = {f"page of {name}": one.page() for name, one in processes.items()}
    # The processes have ended: their logs and spans are whole.
    said |= {f"log of {name}": one.log.read_text() for name, one in processes.items()}
    said |= {"spans": "\n".join(receiver.raw), "errors": "\n".join(told)}
    assert "UNAVAILABLE" in said["errors"]
    assert "INVALID_ARGUMENT" in said["errors"]
    look_for_secrets(said, real)


def wait_for_spans(receiver: OtlpReceiver) -> None:
    until = time.monotonic() + 30
    wanted = {"candidates", "ranking", "feedback", "training-api"}
    while not wanted <= {span.service for span in receiver.spans}:
        assert time.monotonic() < until, {span.service for span in receiver.spans}
        time.sleep(0.1)


PASSWORDS = ("planted-pass:word", "planted-pass@word", "planted-pass/word", "planted-pass%word")


@pytest.mark.parametrize("command", ["migrate", "backup", "doctor"])
@pytest.mark.parametrize("password", [DATABASE, *PASSWORDS])
def test_a_command_that_cannot_connect_keeps_the_password(
    environment: dict[str, str], command: str, password: str, tmp_path: Path
) -> None:
    """Some of these passwords should be quoted for a URL, and are not: libpq then reads them as something else."""
    quoted = quote(password, safe="") if password == DATABASE else password
    port = urlsplit(environment["TROMMEL_DATABASE_URL"]).port
    planted = {
        **environment,
        "TROMMEL_DATABASE_URL": f"postgresql://trommel:{quoted}@127.0.0.1:{port}/trommel",
        "TROMMEL_MIGRATE_WAIT_SECONDS": "0",
        "PYTHONPATH": ":".join(filter(None, sys.path)),
        "PATH": "/usr/bin:/bin",
    }
    call = {
        "migrate": ["-m", "services.plumbing.migrate"],
        "backup": ["-m", "services.cli.app", "backup", str(tmp_path)],
        "doctor": ["-m", "services.cli.app", "doctor"],
    }[command]
    done = subprocess.run(
        [sys.executable, *call], env=planted, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert said
    for part in ("planted", "pass:word", "pass@word", "word@127"):
        assert part not in said, said
