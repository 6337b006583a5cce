"""Loading models: the admin key goes along, and every replica behind a name is asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from services.core.errors import PreconditionError, UnavailableError
from services.training.settings import TrainingSettings
from services.training.triton_models import ADMIN_KEY_HEADER, open_triton_models

pytestmark = pytest.mark.unit


class _Guarded(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Refuses as Triton does when the key of a restricted protocol is missing or wrong."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.loaded: list[str] = []

    async def RepositoryModelLoad(self, request: Any, context: Any) -> Any:
        if dict(context.invocation_metadata()).get(ADMIN_KEY_HEADER) != self.key:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "This protocol is restricted")
        self.loaded.append(request.model_name)
        return service_pb2.RepositoryModelLoadResponse()


@asynccontextmanager
async def _triton(servicer: _Guarded, address: str) -> AsyncIterator[int]:
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


async def test_the_admin_key_opens_model_control() -> None:
    guarded = _Guarded("open sesame")
    async with _triton(guarded, "127.0.0.1:0") as port:
        async with open_triton_models(f"127.0.0.1:{port}", 5.0, "open sesame") as models:
            await models.load("ranker")
        async with open_triton_models(f"127.0.0.1:{port}", 5.0) as models:
            with pytest.raises(PreconditionError, match="TROMMEL_TRITON_ADMIN_KEY"):
                await models.load("ranker")
    assert guarded.loaded == ["ranker"]


async def test_every_address_behind_a_name_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = _Guarded("k"), _Guarded("k")
    async with _triton(one, "127.0.0.1:0") as port, _triton(two, f"127.0.0.2:{port}"):
        answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]

        async def resolve(*_: Any, **__: Any) -> Any:
            return answer

        async with open_triton_models(f"dns:///triton:{port}", 5.0, "k") as models:
            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve, raising=False)
            await models.load("ranker")
    assert one.loaded == two.loaded == ["ranker"]


async def test_a_name_nobody_knows_is_told() -> None:
    async with open_triton_models("dns:///no-such-host.invalid:8001", 5.0) as models:
        with pytest.raises(UnavailableError, match="not known"):
            await models.load("ranker")


def test_the_key_is_not_shown() -> None:
    assert "s3cret" not in repr(TrainingSettings(triton_admin_key="s3cret"))
