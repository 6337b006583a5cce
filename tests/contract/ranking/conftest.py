"""The real ranking server with everything it depends on away: the contract holds even then."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from trommel.ranking.v1 import ranking_pb2_grpc

from services.plumbing.server import serving
from services.ranking.composition import compose
from services.ranking.settings import RankingSettings


@pytest.fixture
def nowhere() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
async def channel(nowhere: str, tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    settings = RankingSettings(
        listen="127.0.0.1:0",
        redis_url=f"redis://{nowhere}/0",
        triton_url=nowhere,
        candidates_url=nowhere,
        feedback_url=nowhere,
        bundle_store=tmp_path / "bundles",
        drain_delay_seconds=0.0,
        drain_seconds=1.0,
    )
    async with (
        compose(settings) as register,
        serving(settings, register) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_send_message_length", 64 << 20)]) as opened,
    ):
        yield opened


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> ranking_pb2_grpc.RankingServiceStub:
    return ranking_pb2_grpc.RankingServiceStub(channel)
