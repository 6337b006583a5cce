"""Traces every span into memory while a test runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler

from services.plumbing.opentelemetry_tracer import OpenTelemetryTracer
from services.plumbing.tracing import trace_with


@contextmanager
def collecting(sampler: Sampler | None = None) -> Iterator[InMemorySpanExporter]:
    """Yield what keeps the spans that end inside."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler or ParentBased(ALWAYS_ON), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace_with(OpenTelemetryTracer(provider))
    try:
        yield exporter
    finally:
        trace_with(None)
