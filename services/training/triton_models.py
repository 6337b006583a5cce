"""Triton's model control: loads models explicitly, in every replica behind a name, and says what is ready."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from grpc import StatusCode
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from services.core.errors import PreconditionError, UnavailableError

_QUICK_SECONDS = 2.0
_EVERY_ADDRESS = "dns:///"
ADMIN_KEY_HEADER = "triton-grpc-protocol-trommel-admin"
"""What Triton asks for when it runs with --grpc-restricted-protocol=model-repository:trommel-admin=KEY."""

_CHANNEL = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1_000)]
_AWAY = {str(StatusCode.UNAVAILABLE), str(StatusCode.DEADLINE_EXCEEDED)}


class TritonModels:
    """Loads models of the repository into Triton: into one, or into all replicas behind a dns:/// name."""

    def __init__(self, client: InferenceServerClient, url: str, load_seconds: float, admin_key: str = "") -> None:
        self._client = client
        self._url = url
        self._load_seconds = load_seconds
        self._headers = {ADMIN_KEY_HEADER: admin_key} if admin_key else None

    async def load(self, model: str) -> None:
        """Load every version of a model that lies in the repository; versions that serve go on serving.

        Raises:
            PreconditionError: Triton does not take the model; what it served before it still serves.
            UnavailableError: Triton is away, or one of its replicas is.
        """
        if not self._url.startswith(_EVERY_ADDRESS):
            await self._load(self._client, model)
            return
        # One after the other: while one replica reads a model, the others serve undisturbed.
        for address in await self._addresses():
            replica = InferenceServerClient(address, channel_args=_CHANNEL)
            try:
                await self._load(replica, model)
            finally:
                await replica.close()

    async def _addresses(self) -> list[str]:
        """Return host:port of every replica that the name stands for now."""
        host, _, port = self._url.removeprefix(_EVERY_ADDRESS).rpartition(":")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
        except OSError as error:
            raise UnavailableError(f"Triton's name {host} is not known; nothing was changed") from error
        hosts = sorted({str(address[0]) for *_, address in found})
        return [f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in hosts]

    async def _load(self, client: InferenceServerClient, model: str) -> None:
        try:
            await client.load_model(model, headers=self._headers, client_timeout=self._load_seconds)
        except InferenceServerException as error:
            if "restricted" in str(error.message()):  # told with the status of a Triton that is away
                raise PreconditionError(
                    "Triton does not take the admin key; set TROMMEL_TRITON_ADMIN_KEY to the key it was started with"
                ) from error
            if error.status() in _AWAY:
                raise UnavailableError(f"Triton at {self._url} does not answer; nothing was changed") from error
            reason = " ".join(str(error.message()).split())[:150]
            raise PreconditionError(f"Triton does not load model {model}: {reason}") from error

    async def is_live(self) -> bool:
        """Whether Triton answers."""
        try:
            return bool(await self._client.is_server_live(client_timeout=_QUICK_SECONDS))
        except InferenceServerException:
            return False

    async def is_ready(self, model: str, version: str) -> bool:
        """Whether that version of the model says that it could answer; False while Triton is away."""
        try:
            return bool(await self._client.is_model_ready(model, version, client_timeout=_QUICK_SECONDS))
        except InferenceServerException:
            return False


@asynccontextmanager
async def open_triton_models(url: str, load_seconds: float, admin_key: str = "") -> AsyncIterator[TritonModels]:
    """Open a client of Triton's gRPC port for the life of the context.

    Args:
        url: host:port of one Triton, or dns:///host:port where every address behind the name is a replica.
        load_seconds: Longest time that one LoadModel may take.
        admin_key: What Triton wants to see before it loads a model; empty when it asks for nothing.
    """
    client = InferenceServerClient(url, channel_args=_CHANNEL)
    try:
        yield TritonModels(client, url, load_seconds, admin_key)
    finally:
        await client.close()
