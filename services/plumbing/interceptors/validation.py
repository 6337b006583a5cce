"""Requests are judged before a servicer sees them: bytes that are no message, and messages that break the rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from services.core.errors import InvalidRequestError
from services.plumbing.interceptors.handlers import WrappingInterceptor, wrap
from services.plumbing.validation import validate


class _Garbage:
    """Stands for bytes that are not the message they should be."""


_GARBAGE = _Garbage()
_UNREADABLE = "the request is not a valid protobuf message of this method"


class ValidationInterceptor(WrappingInterceptor):
    """Validates the request of every method that takes one; streams validate each message where they read it."""

    def wrap_handler(self, handler: grpc.RpcMethodHandler, method: str) -> grpc.RpcMethodHandler:
        """Validate the requests of one method."""
        wrapped = wrap(handler, method, _Validated, of_stream=_readable)
        return wrapped._replace(request_deserializer=_tolerant(wrapped.request_deserializer))


class _Validated:
    """Lets a call begin only with a request that keeps the rules."""

    __slots__ = ("_request",)

    def __init__(self, _: str, request: Any, __: grpc.aio.ServicerContext) -> None:
        self._request = request

    async def __aenter__(self) -> None:
        if self._request is _GARBAGE:
            raise InvalidRequestError(_UNREADABLE)
        if self._request is not None:
            validate(self._request)

    async def __aexit__(self, *_: object) -> None:
        return None


async def _readable(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        if request is _GARBAGE:
            raise InvalidRequestError(_UNREADABLE)
        yield request


def _tolerant(deserialize: Any) -> Any:
    """Return a deserialiser that lets garbage through as a marker: gRPC would answer INTERNAL by itself."""

    def tolerant(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return _GARBAGE

    return tolerant
