"""Wrapping RPC handlers: the one place that knows gRPC's four kinds of method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import grpc

Behaviour = Callable[[Any, grpc.aio.ServicerContext], Any]
Around = Callable[[str, Any, grpc.aio.ServicerContext], AbstractAsyncContextManager[None]]
"""(full method, request or None when requests stream, context) -> what to enter around the call."""


def kind_of(handler: grpc.RpcMethodHandler) -> str:
    """Return unary, client_stream, server_stream or bidi_stream, as go-grpc-prometheus names them."""
    if handler.request_streaming:
        return "bidi_stream" if handler.response_streaming else "client_stream"
    return "server_stream" if handler.response_streaming else "unary"


def wrap(
    handler: grpc.RpcMethodHandler,
    method: str,
    around: Around,
    of_stream: Callable[[AsyncIterator[Any]], AsyncIterator[Any]] = lambda requests: requests,
) -> grpc.RpcMethodHandler:
    """Return a handler that does the same inside `around`, reading streamed requests through `of_stream`."""
    through = of_stream if handler.request_streaming else (lambda request: request)
    request_of = (lambda _: None) if handler.request_streaming else (lambda request: request)
    if handler.response_streaming:
        stream_behaviour: Behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream

        async def stream(request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            async with around(method, request_of(request), context):
                async for response in stream_behaviour(through(request), context):
                    yield response

        make = (
            grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
        )
        return make(stream, handler.request_deserializer, handler.response_serializer)

    unary_behaviour: Callable[[Any, grpc.aio.ServicerContext], Awaitable[Any]] = (
        handler.stream_unary if handler.request_streaming else handler.unary_unary
    )

    async def unary(request: Any, context: grpc.aio.ServicerContext) -> Any:
        async with around(method, request_of(request), context):
            return await unary_behaviour(through(request), context)

    make = grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
    return make(unary, handler.request_deserializer, handler.response_serializer)


class WrappingInterceptor(grpc.aio.ServerInterceptor, ABC):
    """Base of the interceptors: replaces each handler of ours, once, by a wrapped one."""

    def __init__(self) -> None:
        self._wrapped: dict[tuple[str, int], grpc.RpcMethodHandler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """Wrap the handler that gRPC found; unknown methods, health and reflection pass as they are."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith("/trommel."):
            return handler
        # gRPC keeps one handler a method for the life of the server, so this holds one entry a method.
        key = (method, id(handler))
        known = self._wrapped.get(key)
        if known is None:
            known = self._wrapped[key] = self.wrap_handler(handler, method)
        return known

    @abstractmethod
    def wrap_handler(self, handler: grpc.RpcMethodHandler, method: str) -> grpc.RpcMethodHandler:
        """Return the handler to use instead."""
