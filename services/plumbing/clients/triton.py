"""The asynchronous client of Triton: numpy in, numpy out, a pinned version, a deadline on every call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, triton_to_np_dtype

from services.core.errors import UnavailableError
from services.plumbing.metrics import TRITON_SECONDS
from services.plumbing.tracing import Attribute, SpanKind, is_on, outgoing, span

# (name, NumPy type, shape) of each input.
_Signature = tuple[tuple[str, np.dtype[np.generic], tuple[int, ...]], ...]


class TritonClient:
    """Runs models. Raises UnavailableError for every failure: queue full, stopping, unknown version, bad output.

    It speaks the inference protocol itself: tritonclient's own client builds and takes apart each tensor in Python,
    which costs more than the call.
    """

    def __init__(self, stub: service_pb2_grpc.GRPCInferenceServiceStub, max_concurrent_calls: int) -> None:
        self._model_infer = stub.ModelInfer
        self._server_live = stub.ServerLive
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
        request = service_pb2.ModelInferRequest()
        request.MergeFrom(
            _described(
                model, version, tuple((name, array.dtype, array.shape) for name, array in inputs.items()), output
            )
        )
        request.raw_input_contents.extend([array.tobytes() for array in inputs.values()])
        started = time.perf_counter()
        result = "error"
        try:
            if is_on():
                with span(*_span_of(model, version)):
                    answer = await self._call(request, timeout_seconds)
            else:
                answer = await self._call(request, timeout_seconds)
            array = _tensor(answer, output)
            if array is None or array.size == 0:
                raise UnavailableError(f"model {model} gave no {output}")
            result = "ok"
            return np.asarray(array, np.float32)
        except TimeoutError:
            result = "timeout"
            raise
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                result = "timeout"
                raise TimeoutError(f"model {model} did not answer in time") from error
            raise UnavailableError(f"model {model} is unavailable: {error.code().name}") from error
        finally:
            TRITON_SECONDS.labels(model, result).observe(time.perf_counter() - started)

    async def check(self, timeout_seconds: float = 2.0) -> None:
        """Ask whether the server lives. Raises UnavailableError where it does not say so in time."""
        try:
            answer = await self._server_live(service_pb2.ServerLiveRequest(), timeout=timeout_seconds)
        except grpc.aio.AioRpcError as error:
            raise UnavailableError(f"Triton is unavailable: {error.code().name}") from error
        if not answer.live:
            raise UnavailableError("Triton says that it does not live")

    async def _call(self, request: Any, timeout_seconds: float) -> Any:
        if self._places.locked():
            return await self._in_turn(request, timeout_seconds)
        async with self._places:
            return await self._model_infer(request, timeout=timeout_seconds, **outgoing())

    async def _in_turn(self, request: Any, timeout_seconds: float) -> Any:
        """Call when a place is free. Only here is a second timer needed: gRPC keeps the time of the call itself."""
        async with asyncio.timeout(timeout_seconds), self._places:
            return await self._model_infer(request, timeout=timeout_seconds, **outgoing())


def _span_of(model: str, version: str) -> tuple[str, SpanKind, dict[str, Attribute]]:
    return (
        f"triton/ModelInfer {model}",
        SpanKind.CLIENT,
        {
            "rpc.system": "grpc",
            "rpc.method": "ModelInfer",
            "peer.service": "triton",
            "trommel.model": model,
            "trommel.model_version": version,
        },
    )


@lru_cache(maxsize=256)
def _described(model: str, version: str, signature: _Signature, output: str) -> service_pb2.ModelInferRequest:
    """Return a request without contents; shapes come in few buckets, so that most calls find theirs made."""
    request = service_pb2.ModelInferRequest(model_name=model, model_version=version)
    for name, dtype, shape in signature:
        request.inputs.add(name=name, datatype=np_to_triton_dtype(dtype), shape=shape)
    request.outputs.add(name=output)
    return request


def _tensor(answer: service_pb2.ModelInferResponse, output: str) -> NDArray[np.generic] | None:
    """Return one output of an answer, or None when it is not there."""
    for tensor, content in zip(answer.outputs, answer.raw_output_contents, strict=False):
        if tensor.name == output:
            return np.frombuffer(content, triton_to_np_dtype(tensor.datatype)).reshape(tensor.shape)
    return None


@asynccontextmanager
async def open_triton(url: str, *, max_concurrent_calls: int = 64) -> AsyncIterator[TritonClient]:
    """Open a client of Triton's gRPC port for the life of the context.

    url: host:port, or dns:///host:port, whose addresses take turns.
    """
    channel = grpc.aio.insecure_channel(
        url,
        options=[
            ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
            ("grpc.max_receive_message_length", 64 << 20),
            ("grpc.max_send_message_length", 64 << 20),
            # After a restart of Triton the channel must be back at once, not after gRPC's default two minutes.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1_000),
        ],
    )
    async with channel:
        yield TritonClient(service_pb2_grpc.GRPCInferenceServiceStub(channel), max_concurrent_calls)
