"""The asynchronous client of Triton: numpy in, numpy out, a pinned version, a deadline on every call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from services.core.errors import UnavailableError
from services.plumbing.metrics import TRITON_SECONDS


class TritonClient:
    """Runs models. Raises UnavailableError for every failure: queue full, stopping, unknown version, bad output."""

    def __init__(self, client: InferenceServerClient, max_concurrent_calls: int) -> None:
        self._client = client
        self._places = asyncio.Semaphore(max_concurrent_calls)

    async def infer(
        self,
        model: str,
        version: str,
        inputs: Mapping[str, NDArray[np.generic]],
        output: str,
        timeout_seconds: float,
    ) -> NDArray[np.float32]:
        """Run one model version and return one of its outputs as float32.

        Args:
            model: Name in the model repository.
            version: Numeric version, which is the bundle's version.
            inputs: Arrays by input name, with the batch as first dimension.
            output: Name of the output.
            timeout_seconds: Time for waiting and running together.

        Raises:
            UnavailableError: Triton is away, refuses or does not know the version.
            TimeoutError: No answer in time.
        """
        tensors = []
        for name, array in inputs.items():
            tensor = InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(array)
            tensors.append(tensor)
        started = time.perf_counter()
        result = "error"
        try:
            async with asyncio.timeout(timeout_seconds), self._places:
                answer = await self._client.infer(
                    model_name=model,
                    model_version=version,
                    inputs=tensors,
                    outputs=[InferRequestedOutput(output)],
                    client_timeout=timeout_seconds,
                )
            array = answer.as_numpy(output)
            if array is None or array.size == 0:
                raise UnavailableError(f"model {model} gave no {output}")
            result = "ok"
            return np.asarray(array, np.float32)
        except TimeoutError:
            result = "timeout"
            raise
        except InferenceServerException as error:
            raise UnavailableError(f"model {model} is unavailable: {error.status() or 'error'}") from error
        finally:
            TRITON_SECONDS.labels(model, result).observe(time.perf_counter() - started)


@asynccontextmanager
async def open_triton(url: str, *, max_concurrent_calls: int = 64) -> AsyncIterator[TritonClient]:
    """Open a client of Triton's gRPC port ("host:port") for the life of the context."""
    client = InferenceServerClient(
        url,
        channel_args=[
            ("grpc.max_receive_message_length", 64 << 20),
            ("grpc.max_send_message_length", 64 << 20),
            # After a restart of Triton the channel must be back at once, not after gRPC's default two minutes.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1_000),
        ],
    )
    try:
        yield TritonClient(client, max_concurrent_calls)
    finally:
        await client.close()
