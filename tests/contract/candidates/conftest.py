"""The candidates server on a real port, with its real composition: the database and Triton are away on purpose."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from services.candidates.composition import compose
from services.candidates.settings import CandidatesSettings
from services.plumbing.bundle_pointer import write_pointer
from services.plumbing.server import serving
from tests.bundle_maker import make_bundle

VERSION = "20240101000000"


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def settings_of(store: Path) -> CandidatesSettings:
    return CandidatesSettings(
        listen="127.0.0.1:0",
        database_url=f"postgresql://trommel@127.0.0.1:{closed_port()}/trommel",
        triton_url=f"127.0.0.1:{closed_port()}",
        bundle_store=store,
        start_wait_seconds=0,
        drain_delay_seconds=0,
    )


async def channel_to(settings: CandidatesSettings) -> AsyncIterator[grpc.aio.Channel]:
    async with (
        compose(settings) as register,
        serving(settings, register) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    """A server without a bundle."""
    async for opened in channel_to(settings_of(tmp_path)):
        yield opened


@pytest.fixture
async def bundle_channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    """A server with a bundle of 200 items."""
    make_bundle(tmp_path, VERSION)
    write_pointer(tmp_path, VERSION)
    async for opened in channel_to(settings_of(tmp_path)):
        yield opened
