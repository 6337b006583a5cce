"""Rate, errors and duration of every RPC, under the names of go-grpc-prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from services.plumbing.interceptors.handlers import WrappingInterceptor, kind_of, wrap
from services.plumbing.metrics import GRPC_HANDLED, GRPC_IN_FLIGHT, GRPC_SECONDS, GRPC_STARTED

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RedMetricsInterceptor(WrappingInterceptor):
    """The outermost interceptor: it sees the status that the caller sees."""

    def wrap_handler(self, handler: grpc.RpcMethodHandler, method: str) -> grpc.RpcMethodHandler:
        """Count and time the calls of one method."""
        service, _, name = method.lstrip("/").partition("/")
        labels = (kind_of(handler), service, name)
        started, seconds = GRPC_STARTED.labels(*labels), GRPC_SECONDS.labels(*labels)

        @asynccontextmanager
        async def around(_: str, __: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
            started.inc()
            GRPC_IN_FLIGHT.inc()
            began = time.perf_counter()
            code = grpc.StatusCode.OK
            try:
                yield
                code = _status_of(context, grpc.StatusCode.OK)
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED
                raise
            except BaseException:
                code = _status_of(context, grpc.StatusCode.UNKNOWN)
                raise
            finally:
                GRPC_IN_FLIGHT.dec()
                seconds.observe(time.perf_counter() - began)
                GRPC_HANDLED.labels(*labels, code.name).inc()

        return wrap(handler, method, around)


def _status_of(context: grpc.aio.ServicerContext, otherwise: grpc.StatusCode) -> grpc.StatusCode:
    """Return the code set on the context: gRPC gives 0 or None while none is set."""
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return _CODES.get(code, otherwise) if code else otherwise
