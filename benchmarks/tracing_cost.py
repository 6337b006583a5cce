"""What one pipeline stage costs around its work: its duration observed, and with tracing its span made.

    python benchmarks/tracing_cost.py

Nothing is exported: that is the work of a thread of its own.
"""

from __future__ import annotations

import timeit

from opentelemetry.sdk.trace import TracerProvider

from services.plumbing.opentelemetry_tracer import OpenTelemetryTracer
from services.plumbing.pipeline_observer import PrometheusObserver
from services.plumbing.tracing import SpanKind, entry_span, trace_with

ROUNDS, REPEATS = 5_000, 20


def main() -> None:
    """Print the best of some repeats, in microseconds a stage."""
    observer = PrometheusObserver("benchmark")

    def stage() -> None:
        with observer.stage("filter", "seen"):
            pass

    def measured() -> float:
        return min(timeit.repeat(stage, number=ROUNDS, repeat=REPEATS)) / ROUNDS * 1e6

    print(f"tracing off  {measured():5.1f} us")
    trace_with(OpenTelemetryTracer(TracerProvider(shutdown_on_exit=False)))
    for name, flags in (("not sampled", "00"), ("sampled", "01")):
        with entry_span("rpc", SpanKind.SERVER, f"00-{'a' * 32}-{'b' * 16}-{flags}"):
            print(f"{name:12} {measured():5.1f} us")


if __name__ == "__main__":
    main()
