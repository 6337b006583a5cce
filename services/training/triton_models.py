"""Triton's model control: loads models explicitly and says what is ready."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from grpc import StatusCode
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from services.core.errors import PreconditionError, UnavailableError

_QUICK_SECONDS = 2.0
_AWAY = {str(StatusCode.UNAVAILABLE), str(StatusCode.DEADLINE_EXCEEDED)}


class TritonModels:
    """Loads models of the repository into one Triton."""

    def __init__(self, client: InferenceServerClient, url: str, load_seconds: float) -> None:
        self._client = client
        self._url = url
        self._load_seconds = load_seconds

    async def load(self, model: str) -> None:
        """Load every version of a model that lies in the repository; versions that serve go on serving.

        Raises:
            PreconditionError: Triton does not take the model; what it served before it still serves.
            UnavailableError: Triton is away.
        """
        try:
            await self._client.load_model(model, client_timeout=self._load_seconds)
        except InferenceServerException as error:
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
async def open_triton_models(url: str, load_seconds: float) -> AsyncIterator[TritonModels]:
    """Open a client of Triton's gRPC port ("host:port") for the life of the context."""
    client = InferenceServerClient(
        url,
        channel_args=[("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1_000)],
    )
    try:
        yield TritonModels(client, url, load_seconds)
    finally:
        await client.close()
