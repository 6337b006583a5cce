"""Requests are judged before a servicer sees them: bytes that are no message, and messages that break the rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
        wrapped = wrap(handler, method, _validated, of_stream=_readable)
        return wrapped._replace(request_deserializer=_tolerant(wrapped.request_deserializer))


@asynccontextmanager
async def _validated(_: str, request: Any, __: grpc.aio.ServicerContext) -> AsyncIterator[None]:
    if request is _GARBAGE:
        raise InvalidRequestError(_UNREADABLE)
    if request is not None:
        validate(request)
    yield


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
