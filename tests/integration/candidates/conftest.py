"""PostgreSQL and Triton once a session; a tenant, a bundle store and a candidates server of its own for each test."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import psycopg
import pytest
import tritonclient.grpc
from trommel.candidates.v1.candidates_pb2_grpc import CandidateServiceStub
from trommel.catalog.v1.catalog_pb2_grpc import CatalogServiceStub

from services.candidates.composition import compose
from services.candidates.settings import CandidatesSettings
from services.embedded import StackSettings, down, status, up
from services.plumbing.bundle_pointer import write_pointer
from services.plumbing.migrate import migrate
from services.plumbing.server import serving
from tests.bundle_maker import make_bundle
from tests.free_ports import free_port_base

VERSION = "20240101000000"


@dataclass(frozen=True)
class Stack:
    """The running parts, with the user encoder of the synthetic bundle loaded."""

    settings: StackSettings
    database_url: str
    triton_url: str
    bundle_store: Path

    def pid(self, part: str) -> int | None:
        """Process id of a part, None while it does not run."""
        return next(process.pid for process in status(self.settings) if process.name == part)

    def kill(self, part: str) -> int:
        """Kill -9; the keeper starts it again. Return the process id that it had."""
        pid = self.pid(part)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = StackSettings(data_dir=tmp_path_factory.mktemp("candidates"), port_base=free_port_base())
    try:
        environment = up(settings, only=("postgres", "triton")).environment
        migrate(environment["TROMMEL_DATABASE_URL"])
        make_bundle(settings.bundles, VERSION)
        shutil.copytree(settings.bundles / VERSION / "models/user_encoder", settings.models / "user_encoder" / VERSION)
        with tritonclient.grpc.InferenceServerClient(environment["TROMMEL_TRITON_URL"]) as triton:
            triton.load_model("user_encoder")
        yield Stack(settings, environment["TROMMEL_DATABASE_URL"], environment["TROMMEL_TRITON_URL"], settings.bundles)
    finally:
        down(settings)


@pytest.fixture
def settings(stack: Stack, tmp_path: Path) -> CandidatesSettings:
    """Settings of a server with the synthetic bundle active in a store of its own."""
    store = tmp_path / "bundles"
    shutil.copytree(stack.bundle_store / VERSION, store / VERSION)
    write_pointer(store, VERSION)
    return CandidatesSettings(
        listen="127.0.0.1:0",
        tenant=f"t-{secrets.token_hex(6)}",
        database_url=stack.database_url,
        triton_url=stack.triton_url,
        bundle_store=store,
        catalog_poll_seconds=0.1,
        start_wait_seconds=10,
        drain_delay_seconds=0,
        time_budget_seconds=5,
        source_budget_seconds=4,
    )


@dataclass(frozen=True)
class Client:
    """Stubs of one server."""

    candidates: CandidateServiceStub
    catalog: CatalogServiceStub


Serve = Callable[[CandidatesSettings], AbstractAsyncContextManager[Client]]


@pytest.fixture
def serve() -> Serve:
    """Return what runs a server and opens a client of it."""

    @asynccontextmanager
    async def run(settings: CandidatesSettings) -> AsyncIterator[Client]:
        async with (
            compose(settings) as register,
            serving(settings, register) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            yield Client(CandidateServiceStub(channel), CatalogServiceStub(channel))

    return run


@pytest.fixture
async def client(serve: Serve, settings: CandidatesSettings) -> AsyncIterator[Client]:
    async with serve(settings) as opened:
        yield opened


@pytest.fixture
def database(stack: Stack) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield connection
