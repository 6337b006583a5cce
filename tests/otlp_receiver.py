"""A collector in the test process: takes what is exported over OTLP/gRPC and keeps it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as a collector sees it; ids in hex, "" for no parent."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    links: tuple[str, ...]


@dataclass
class OtlpReceiver(trace_service_pb2_grpc.TraceServiceServicer):
    """spans: what came; raw: the same as text, with everything that was sent."""

    spans: list[ReceivedSpan] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    port: int = 0

    def Export(self, request: Any, _: Any) -> Any:
        self.raw.append(str(request))
        for resource in request.resource_spans:
            service = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            for scope in resource.scope_spans:
                self.spans += [_received(service, span) for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    def trace(self, trace_id: str) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def wait_for(self, trace_id: str, *names: str, seconds: float = 20.0) -> list[ReceivedSpan]:
        """Return a trace once it has spans of all these names; what there is when the time has run out."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not set(names) <= {span.name for span in self.trace(trace_id)}:
            time.sleep(0.05)
        return self.trace(trace_id)


def _received(service: str, span: Any) -> ReceivedSpan:
    attributes = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
    links = tuple(link.trace_id.hex() for link in span.links)
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    return ReceivedSpan(service, span.name, *ids, attributes, links)


@contextmanager
def receiving() -> Iterator[OtlpReceiver]:
    receiver = OtlpReceiver()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)
    receiver.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield receiver
    finally:
        server.stop(0.5).wait()
