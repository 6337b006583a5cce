"""Traces: spans of what a request goes through. Off unless a collector is named; then each call here asks one question.

What a span may say comes from closed sets: names of services, methods, stages, models and versions, codes, counts.
Never ids of users or items, texts, statements, metadata or the text of an error (docs/tracing.md).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from services.plumbing.opentelemetry_tracer import OpenTelemetryTracer

Attribute = str | int | float | bool
TRACEPARENT = "traceparent"
"""The W3C header; in gRPC, a key of the metadata."""

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_tracer: OpenTelemetryTracer | None = None


class SpanKind(Enum):
    """Which side of a call a span is."""

    INTERNAL = auto()
    SERVER = auto()
    CLIENT = auto()
    CONSUMER = auto()


class Span(Protocol):
    """Entered, it is the parent of what begins inside; an exception that leaves it is told by its type alone."""

    def set(self, name: str, value: Attribute) -> None:
        """Say something of it."""
        ...

    def fail(self, error_type: str) -> None:
        """Mark it as failed."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object, /) -> None: ...


class _NoSpan:
    """What is entered while nobody traces."""

    __slots__ = ()

    def set(self, name: str, value: Attribute) -> None:
        """Say nothing."""

    def fail(self, error_type: str) -> None:
        """Mark nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


NO_SPAN: Span = _NoSpan()
_NO_METADATA: Mapping[str, Any] = {}


def is_wanted() -> bool:
    """Whether the environment names a collector and does not switch tracing off."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return False
    return any(os.environ.get(name, "").strip() for name in _ENDPOINTS)


def start_tracing(service: str) -> None:
    """Send the spans of this process to the collector that the environment names, if it names one.

    Exits with one line where OpenTelemetry is not installed.
    """
    if not is_wanted():
        return
    try:
        from services.plumbing.opentelemetry_tracer import OpenTelemetryTracer
    except ModuleNotFoundError as error:
        sys.exit(
            f"{service}: {_ENDPOINTS[1]} is set, but {error.name} is missing; install trommel[tracing] or unset it"
        )
    trace_with(OpenTelemetryTracer.exporting(service))


def trace_with(tracer: OpenTelemetryTracer | None) -> None:
    """Use a tracer from now on, or none."""
    global _tracer  # noqa: PLW0603 - one a process, as logging is
    _tracer = tracer


def stop_tracing() -> None:
    """Send what waits, for a few seconds at most, and trace no more."""
    tracer = _tracer
    trace_with(None)
    if tracer is not None:
        tracer.close()


def is_on() -> bool:
    """Whether spans are made."""
    return _tracer is not None


def span(name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Mapping[str, Attribute] | None = None) -> Span:
    """Return a span inside the present one, to be entered; nothing where the present one is not recorded."""
    if _tracer is None:
        return NO_SPAN
    return _tracer.inside(name, kind, attributes)


def entry_span(
    name: str,
    kind: SpanKind,
    traceparent: str = "",
    attributes: Mapping[str, Attribute] | None = None,
    links: Sequence[str] = (),
    *,
    is_present: bool = True,
) -> Span:
    """Return a span that continues a trace begun elsewhere, or begins one.

    Args:
        name: What it is.
        kind: Which side of a call.
        traceparent: W3C trace context of its parent; empty, or not one, begins a trace.
        attributes: See span.
        links: traceparents of further spans that it goes back to.
        is_present: Whether it becomes the present span. One that does not may be left elsewhere than it was entered.
    """
    if _tracer is None:
        return NO_SPAN
    return _tracer.entry(name, kind, traceparent, attributes, links, is_present)


def annotate(name: str, value: Attribute) -> None:
    """Say something of the present span."""
    if _tracer is not None:
        _tracer.annotate(name, value)


def annotate_with(name: str, value: str) -> None:
    """Add one more value to a list of the present span."""
    if _tracer is not None:
        _tracer.annotate_with(name, value)


def traceparent() -> str:
    """Return the W3C trace context of the present span, "" without one."""
    return "" if _tracer is None else _tracer.traceparent()


def recorded_traceparent() -> str:
    """Return the W3C trace context of the present span if it is recorded, else ""."""
    return "" if _tracer is None or _tracer.ids() is None else _tracer.traceparent()


def outgoing() -> Mapping[str, Any]:
    """Return the keyword `metadata` of a gRPC call, or nothing: a call that is not traced carries nothing more."""
    if _tracer is None:
        return _NO_METADATA
    value = _tracer.traceparent()
    return {"metadata": ((TRACEPARENT, value),)} if value else _NO_METADATA


def ids() -> tuple[str, str] | None:
    """Return trace id and span id, in hex, of the present span if it is recorded."""
    return None if _tracer is None else _tracer.ids()


def exemplar() -> dict[str, str] | None:
    """Return the present trace as Prometheus links to it, or None where it is not recorded."""
    if _tracer is None:
        return None
    present = _tracer.ids()
    return None if present is None else {"trace_id": present[0]}
