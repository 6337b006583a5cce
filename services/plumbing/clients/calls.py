"""Calls to sibling services: always with a deadline, failures in words of the domain."""

from __future__ import annotations

from typing import Any

import grpc

from services.core.errors import InvalidRequestError, UnavailableError
from services.plumbing.tracing import Attribute, SpanKind, is_on, outgoing, span


async def call(method: Any, request: Any, *, service: str, timeout_seconds: float) -> Any:
    """Call a unary method of a stub.

    Args:
        method: For example `stub.GenerateCandidates`.
        request: Its request.
        service: Name of the part that is called, for errors.
        timeout_seconds: Deadline of the call.

    Raises:
        TimeoutError: No answer in time.
        InvalidRequestError: The request broke a rule of the part.
        UnavailableError: Every other failure; the text names the part and the status.
    """
    try:
        if not is_on():
            return await method(request, timeout=timeout_seconds)
        with span(*_described(request, service)):
            return await method(request, timeout=timeout_seconds, **outgoing())
    except grpc.aio.AioRpcError as error:
        if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            raise TimeoutError(f"{service} did not answer in time") from error
        if error.code() == grpc.StatusCode.INVALID_ARGUMENT:
            raise InvalidRequestError(f"{service} refused the request: {error.details()}") from error
        raise UnavailableError(f"{service} answered {error.code().name}") from error


def _described(request: Any, service: str) -> tuple[str, SpanKind, dict[str, Attribute]]:
    """Return a span's name, kind and attributes; requests are named after their methods."""
    method = type(request).__name__.removesuffix("Request")
    return f"{service}/{method}", SpanKind.CLIENT, {"rpc.system": "grpc", "rpc.method": method, "peer.service": service}
