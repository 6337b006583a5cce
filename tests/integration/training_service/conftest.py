"""PostgreSQL, Redis and Triton once a session; a tenant and a bundle store of its own for each test."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from services.embedded import INFRASTRUCTURE, StackSettings, down, up
from services.plumbing.clients.postgres import Pool, open_pool
from services.plumbing.clients.triton import TritonClient, open_triton
from services.plumbing.migrate import migrate
from services.training.settings import WorkerSettings
from services.training.steps.activate import Activation
from services.training.triton_models import TritonModels, open_triton_models
from tests.free_ports import free_port_base


@pytest.fixture(scope="session")
def infrastructure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the TROMMEL_* environment of a PostgreSQL with the schema, a Redis and a Triton."""
    settings = StackSettings(data_dir=tmp_path_factory.mktemp("training"), port_base=free_port_base())
    try:
        environment = up(settings, only=INFRASTRUCTURE).environment
        migrate(environment["TROMMEL_DATABASE_URL"])
        yield environment
    finally:
        down(settings)


@pytest.fixture
def tenant() -> str:
    return f"t-{secrets.token_hex(6)}"


@pytest.fixture
def environment(infrastructure: dict[str, str], tenant: str, tmp_path: Path) -> dict[str, str]:
    """Return the environment for a server or worker process of this test's tenant, impatient for the test's sake."""
    return {
        **os.environ,
        **infrastructure,
        "TROMMEL_TENANT": tenant,
        "TROMMEL_BUNDLE_STORE": str(tmp_path / "bundles"),
        "TROMMEL_LEASE_SECONDS": "3",
        "TROMMEL_RECONCILE_SECONDS": "0.3",
        "TROMMEL_DRAIN_DELAY_SECONDS": "0",
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture
def settings(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> WorkerSettings:
    """Return the settings that a worker of this test's tenant would have."""
    for name, value in environment.items():
        if name.startswith("TROMMEL_"):
            monkeypatch.setenv(name, value)
    return WorkerSettings()


@pytest.fixture
def database(infrastructure: dict[str, str]) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(infrastructure["TROMMEL_DATABASE_URL"], autocommit=True) as connection:
        yield connection


@dataclass(frozen=True)
class Parts:
    """What activates bundles."""

    pool: Pool
    activation: Activation
    triton: TritonClient
    models: TritonModels


@asynccontextmanager
async def open_parts(settings: WorkerSettings) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings.database_url))
        models = await stack.enter_async_context(open_triton_models(settings.triton_url, 60.0))
        triton = await stack.enter_async_context(open_triton(settings.triton_url))
        yield Parts(pool, Activation(settings, pool, models, triton), triton, models)


@pytest.fixture
async def parts(settings: WorkerSettings) -> AsyncIterator[Parts]:
    async with open_parts(settings) as opened:
        yield opened
