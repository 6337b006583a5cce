"""A span for every RPC, inside the caller's trace where its metadata names one. Nothing else of it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc

from services.plumbing.interceptors.call_code import code_of
from services.plumbing.interceptors.handlers import WrappingInterceptor, wrap
from services.plumbing.tracing import TRACEPARENT, Attribute, Span, SpanKind, entry_span

# What is the server's fault; the others are the caller's, or chosen.
_FAILURES = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class TracingInterceptor(WrappingInterceptor):
    """Stands outermost: all that happens to the call is inside its span. Use it only where tracing is on."""

    def wrap_handler(self, handler: grpc.RpcMethodHandler, method: str) -> grpc.RpcMethodHandler:
        """Trace the calls of one method, unless it is a conversation: that may go on for days, a span ends."""
        if handler.request_streaming and handler.response_streaming:
            return handler
        name = method.lstrip("/")
        service, _, short = name.partition("/")
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": short}
        return wrap(handler, method, lambda _, __, context: _Traced(name, attributes, context))


class _Traced:
    """One call."""

    __slots__ = ("_attributes", "_context", "_name", "_span")

    def __init__(self, name: str, attributes: Mapping[str, Attribute], context: grpc.aio.ServicerContext) -> None:
        self._name = name
        self._attributes = attributes
        self._context = context

    async def __aenter__(self) -> None:
        self._span: Span = entry_span(
            self._name, SpanKind.SERVER, _traceparent(self._context), self._attributes
        ).__enter__()

    async def __aexit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        code = code_of(self._context, error)
        self._span.set("rpc.grpc.status_code", code.value[0])
        if code in _FAILURES:
            self._span.fail(code.name)
        self._span.__exit__(None, None, None)


def _traceparent(context: grpc.aio.ServicerContext) -> str:
    metadata: Any = context.invocation_metadata() or ()
    for key, value in metadata:
        if key == TRACEPARENT:
            return value if isinstance(value, str) else ""
    return ""
