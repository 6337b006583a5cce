"""OpenTelemetry behind services.plumbing.tracing: spans go to a collector over OTLP, in batches, from a bounded queue.

Everything is configured by OpenTelemetry's own variables (docs/tracing.md). Imported only where tracing is on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Self

import grpc
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.plumbing.tracing import NO_SPAN, TRACEPARENT, Attribute, Span, SpanKind

# A collector that is away must not hold up the end of a process.
_CLOSE_SECONDS = 3.0
_KINDS = {kind: trace.SpanKind[kind.name] for kind in SpanKind}
_PROPAGATOR = TraceContextTextMapPropagator()
_ROOT = contexts.Context()
_FAILED = trace.Status(trace.StatusCode.ERROR)


class OpenTelemetryTracer:
    """Makes spans. The present span is a context variable: tasks inherit it from where they are made."""

    def __init__(self, provider: TracerProvider, exporter: SpanExporter | None = None) -> None:
        """exporter: Told to give up when closing takes too long."""
        self._provider = provider
        self._exporter = exporter
        self._tracer = provider.get_tracer("trommel")

    @classmethod
    def exporting(cls, service: str) -> Self:
        """Return a tracer that sends to the collector of the environment.

        A full queue (OTEL_BSP_MAX_QUEUE_SIZE, 2048) drops spans: requests never wait for the collector.
        """
        provider = TracerProvider(
            resource=Resource.create({"service.namespace": "trommel", "service.name": service}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter()
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider, exporter)

    def inside(self, name: str, kind: SpanKind, attributes: Mapping[str, Attribute] | None) -> Span:
        """See tracing.span."""
        # Not is_recording: what was begun in a span may go on after its end.
        if not trace.get_current_span().get_span_context().trace_flags.sampled:
            return NO_SPAN
        return _Entered(self._tracer, name, kind, None, attributes, ())

    def entry(
        self,
        name: str,
        kind: SpanKind,
        traceparent: str,
        attributes: Mapping[str, Attribute] | None,
        links: Sequence[str],
        is_present: bool,
    ) -> Span:
        """See tracing.entry_span."""
        linked = [trace.Link(found) for text in links if (found := _span_context(text)).is_valid]
        return _Entered(self._tracer, name, kind, _context(traceparent), attributes, linked, is_present)

    def annotate(self, name: str, value: Attribute) -> None:
        """See tracing.annotate."""
        trace.get_current_span().set_attribute(name, value)

    def annotate_with(self, name: str, value: str) -> None:
        """See tracing.annotate_with."""
        present = trace.get_current_span()
        if isinstance(present, ReadableSpan) and present.is_recording():
            known = (present.attributes or {}).get(name)
            present.set_attribute(name, (*known, value) if isinstance(known, tuple) else (value,))

    def traceparent(self) -> str:
        """See tracing.traceparent."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return carrier.get(TRACEPARENT, "")

    def ids(self) -> tuple[str, str] | None:
        """See tracing.ids."""
        found = trace.get_current_span().get_span_context()
        if not found.trace_flags.sampled:
            return None
        return trace.format_trace_id(found.trace_id), trace.format_span_id(found.span_id)

    def close(self) -> None:
        """Send what waits; give up after a few seconds."""
        giving_up = None
        if self._exporter is not None:
            giving_up = threading.Timer(_CLOSE_SECONDS, self._exporter.shutdown)
            giving_up.daemon = True
            giving_up.start()
        self._provider.shutdown()
        if giving_up is not None:
            giving_up.cancel()


class _Entered:
    """One span, begun when it is entered. A class: a generator would cost twice the time."""

    __slots__ = ("_attributes", "_is_present", "_kind", "_links", "_name", "_parent", "_span", "_token", "_tracer")

    def __init__(
        self,
        tracer: trace.Tracer,
        name: str,
        kind: SpanKind,
        parent: contexts.Context | None,
        attributes: Mapping[str, Attribute] | None,
        links: Sequence[trace.Link],
        is_present: bool = True,
    ) -> None:
        """parent: None for the present context."""
        self._is_present = is_present
        self._tracer = tracer
        self._name = name
        self._kind = kind
        self._parent = parent
        self._attributes = attributes
        self._links = links

    def set(self, name: str, value: Attribute) -> None:
        """See tracing.Span."""
        self._span.set_attribute(name, value)

    def fail(self, error_type: str) -> None:
        """See tracing.Span."""
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(_FAILED)

    def __enter__(self) -> Self:
        # Exceptions are not recorded: their texts may hold what nobody outside may see.
        self._span = self._tracer.start_span(
            self._name,
            self._parent,
            _KINDS[self._kind],
            self._attributes,
            self._links,
            record_exception=False,
            set_status_on_exception=False,
        )
        if self._is_present:
            self._token = contexts.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        if self._is_present:
            contexts.detach(self._token)
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            self._span.set_attribute("error.type", "cancelled")
        elif isinstance(error, grpc.aio.AioRpcError):
            self._span.set_attribute("rpc.grpc.status_code", error.code().value[0])
            self.fail(error.code().name)
        elif error is not None:
            self.fail(type(error).__name__)
        self._span.end()


def _context(traceparent: str) -> contexts.Context:
    """Return a context whose present span is the one that is named: none where the text is no traceparent."""
    return _PROPAGATOR.extract({TRACEPARENT: traceparent}, _ROOT) if traceparent else _ROOT


def _span_context(traceparent: str) -> trace.SpanContext:
    return trace.get_current_span(_context(traceparent)).get_span_context()
