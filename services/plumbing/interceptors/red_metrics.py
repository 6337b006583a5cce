"""Rate, errors and duration of every RPC, under the names of go-grpc-prometheus."""

from __future__ import annotations

import time

import grpc
from prometheus_client import Counter

from services.plumbing.interceptors.call_code import code_of
from services.plumbing.interceptors.handlers import WrappingInterceptor, kind_of, wrap
from services.plumbing.metrics import GRPC_HANDLED, GRPC_IN_FLIGHT, GRPC_SECONDS, GRPC_STARTED
from services.plumbing.tracing import exemplar


class RedMetricsInterceptor(WrappingInterceptor):
    """Outside of those that may end a call: it sees the status that the caller sees."""

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
        code = code_of(self._context, error)
        GRPC_IN_FLIGHT.dec()
        self._series.seconds.observe(time.perf_counter() - self._began, exemplar())
        self._series.handled(code.name).inc()
