"""Rate, errors and duration of every RPC, under the names of go-grpc-prometheus, and the limit on RPCs at once.

The limit is here because gRPC's own answers before any interceptor's handler runs, and nothing would count it.
"""

from __future__ import annotations

import time

import grpc
from prometheus_client import Counter

from services.plumbing.interceptors.call_code import code_of
from services.plumbing.interceptors.handlers import WrappingInterceptor, kind_of, wrap
from services.plumbing.metrics import GRPC_HANDLED, GRPC_IN_FLIGHT, GRPC_SECONDS, GRPC_STARTED
from services.plumbing.tracing import exemplar

_EXPECTED = (
    *("OK", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"),
    *("INTERNAL", "UNAVAILABLE"),
)
_FULL = "too many calls at once; back off and try again"


class RedMetricsInterceptor(WrappingInterceptor):
    """Outside of those that may end a call: it sees the status that the caller sees."""

    def __init__(self, limit: int) -> None:
        """limit: RPCs that may be served at once; the next is refused with RESOURCE_EXHAUSTED."""
        super().__init__()
        self._places = _Places(limit)

    def wrap_handler(self, handler: grpc.RpcMethodHandler, method: str) -> grpc.RpcMethodHandler:
        """Count and time the calls of one method."""
        service, _, name = method.lstrip("/").partition("/")
        series = _Series(kind_of(handler), service, name)
        return wrap(handler, method, lambda _, __, context: _Observed(series, self._places, context))


class _Places:
    """How many calls are served, and how many may be. Event loops run one piece of code at a time: no lock."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0


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

    __slots__ = ("_began", "_context", "_places", "_series")

    def __init__(self, series: _Series, places: _Places, context: grpc.aio.ServicerContext) -> None:
        self._series = series
        self._places = places
        self._context = context

    async def __aenter__(self) -> None:
        self._series.started.inc()
        if self._places.taken >= self._places.limit:
            # Not timed: calls that nobody worked on would make the others look fast.
            self._series.handled("RESOURCE_EXHAUSTED").inc()
            await self._context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, _FULL)
        self._places.taken += 1
        GRPC_IN_FLIGHT.inc()
        self._began = time.perf_counter()

    async def __aexit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        code = code_of(self._context, error)
        self._places.taken -= 1
        GRPC_IN_FLIGHT.dec()
        self._series.seconds.observe(time.perf_counter() - self._began, exemplar())
        self._series.handled(code.name).inc()
