"""Rate, errors and duration of every RPC, under the names of go-grpc-prometheus."""

from __future__ import annotations

import asyncio
import time

import grpc
from prometheus_client import Counter

from services.plumbing.interceptors.handlers import WrappingInterceptor, kind_of, wrap
from services.plumbing.metrics import GRPC_HANDLED, GRPC_IN_FLIGHT, GRPC_SECONDS, GRPC_STARTED

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_EXPECTED = ("OK", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE")


class RedMetricsInterceptor(WrappingInterceptor):
    """The outermost interceptor: it sees the status that the caller sees."""

    def wrap_handler(self, handler: grpc.RpcMethodHandler, method: str) -> grpc.RpcMethodHandler:
        """Count and time the calls of one method."""
        service, _, name = method.lstrip("/").partition("/")
        series = _Series(kind_of(handler), service, name)
        return wrap(handler, method, lambda _, __, context: _Observed(series, context))


class _Series:
    """The series of one method. Looking them up by labels costs more than counting: they are kept."""

    def __init__(self, *labels: str) -> None:
        self._labels = labels
        self.started = GRPC_STARTED.labels(*labels)
        self.seconds = GRPC_SECONDS.labels(*labels)
        self._handled: dict[str, Counter] = {}
        # At 0 from the first call on: a counter that begins with 1 shows no increase.
        for code in _EXPECTED:
            self.handled(code)

    def handled(self, code: str) -> Counter:
        """Return the counter of calls that ended with a code."""
        counter = self._handled.get(code)
        if counter is None:
            counter = self._handled[code] = GRPC_HANDLED.labels(*self._labels, code)
        return counter


class _Observed:
    """One call. A class: a generator would cost twice the time."""

    __slots__ = ("_began", "_context", "_series")

    def __init__(self, series: _Series, context: grpc.aio.ServicerContext) -> None:
        self._series = series
        self._context = context

    async def __aenter__(self) -> None:
        self._series.started.inc()
        GRPC_IN_FLIGHT.inc()
        self._began = time.perf_counter()

    async def __aexit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        if isinstance(error, asyncio.CancelledError):
            code = grpc.StatusCode.CANCELLED
        else:
            code = _status_of(self._context, grpc.StatusCode.OK if error is None else grpc.StatusCode.UNKNOWN)
        GRPC_IN_FLIGHT.dec()
        self._series.seconds.observe(time.perf_counter() - self._began)
        self._series.handled(code.name).inc()


def _status_of(context: grpc.aio.ServicerContext, otherwise: grpc.StatusCode) -> grpc.StatusCode:
    """Return the code set on the context: gRPC gives 0 or None while none is set."""
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return _CODES.get(code, otherwise) if code else otherwise
