"""The running stack: services, certificates, schema, clock of the database, queues, models, one bundle everywhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.cli.checks.certificates import check_certificates
from services.cli.checks.finding import Finding
from services.cli.checks.models import check_models
from services.cli.checks.queues import check_queues
from services.cli.checks.text_encoder import check_text_encoder
from services.cli.metrics_pages import read_metrics
from services.cli.secure_channels import credentials
from services.cli.targets import SERVICES, metrics_url, target
from services.plumbing.bundle_pointer import read_pointer
from services.plumbing.redaction import redacted

_PROBE_SECONDS = 3.0
_LARGEST_CLOCK_DIFFERENCE_SECONDS = 1.0
_SERVING = ("candidates", "ranking")


async def check_running_stack(environment: Mapping[str, str]) -> list[Finding]:
    """Return findings about a stack that runs.

    Args:
        environment: The TROMMEL_* variables of its clients.
    """
    findings = [await _health(service) for service in SERVICES]
    database_url = environment.get("TROMMEL_DATABASE_URL", "")
    findings += check_certificates() + _database(database_url)
    findings += check_queues(database_url, environment.get("TROMMEL_TENANT", "default"))
    store = Path(environment.get("TROMMEL_BUNDLE_STORE", ""))
    triton_url = environment.get("TROMMEL_TRITON_URL", "")
    findings.append(await check_text_encoder(store, triton_url))
    try:
        pointer = read_pointer(store)
    except (OSError, ValueError) as error:
        return [*findings, Finding("bundle", False, str(error), "activate a bundle: trommel bundles activate VERSION")]
    if pointer is None:
        return [*findings, Finding("bundle", True, "none yet (trommel train makes one)")]
    findings += [_agreement(service, pointer.version) for service in _SERVING]
    return findings + await check_models(store, pointer.version, triton_url)


async def _health(service: str) -> Finding:
    name = f"service {service}"
    tls, address = credentials(), target(service)  # type: ignore[arg-type]
    async with grpc.aio.secure_channel(address, tls) if tls else grpc.aio.insecure_channel(address) as channel:
        try:
            request = health_pb2.HealthCheckRequest()
            answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=_PROBE_SECONDS)
        except grpc.RpcError as error:
            return Finding(name, False, error.code().name, f"see logs/{service}.log in the data directory")
    well = answer.status == health_pb2.HealthCheckResponse.SERVING
    return Finding(name, well, "serving" if well else "not serving", f"see logs/{service}.log in the data directory")


def _database(url: str) -> list[Finding]:
    import psycopg
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from services.plumbing import migrations

    config = Config()
    config.set_main_option("script_location", str(Path(str(migrations.__file__)).parent).replace("%", "%%"))
    head = ScriptDirectory.from_config(config).get_current_head()
    try:
        with psycopg.connect(url, connect_timeout=int(_PROBE_SECONDS)) as connection:
            row = connection.execute("SELECT version_num, extract(epoch FROM clock_timestamp()) FROM alembic_version")
            revision, there_seconds = row.fetchone() or ("none", time.time())
    except psycopg.Error as error:
        return [
            Finding(
                "schema", False, redacted(str(error).splitlines()[0]), "see logs/postgres.log, or TROMMEL_DATABASE_URL"
            )
        ]
    difference = abs(time.time() - float(there_seconds))
    return [
        Finding("schema", revision == head, f"revision {revision}", f"bring it to {head}: trommel down, trommel up"),
        Finding(
            "database clock",
            difference < _LARGEST_CLOCK_DIFFERENCE_SECONDS,
            f"{difference:.3f} s from this machine's",
            "synchronise the clocks: events are ordered by them",
        ),
    ]


def _agreement(service: str, version: str) -> Finding:
    name = f"bundle in {service}"
    metrics = read_metrics(metrics_url(service))  # type: ignore[arg-type]
    if metrics is None:
        return Finding(name, False, "its metrics page does not answer", f"see logs/{service}.log in the data directory")
    loaded = [labels["version"] for labels, value in metrics.get("trommel_bundle_info", ()) if value == 1]
    well = loaded == [version]
    seen = ", ".join(loaded) or "none"
    return Finding(name, well, seen, f"{version} should serve: wait a moment, then see logs/{service}.log")
