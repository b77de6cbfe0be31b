"""A collector of OTLP over HTTP on 127.0.0.1: decodes with the messages of OpenTelemetry."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """The messages received so far. `status`: its answer to the next ones; `released`: unset, it answers nobody."""

    def __init__(self) -> None:
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.raw: list[bytes] = []
        self.status = 200
        self.released = threading.Event()
        self.released.set()
        self.endpoint = ""

    def spans(self) -> list[Span]:
        """All spans that were accepted."""
        return [
            span for message in self.traces for whole in message.resource_spans
            for scope in whole.scope_spans for span in scope.spans
        ]  # fmt: skip

    def families(self) -> dict[str, Metric]:
        """The metrics of the last message by name."""
        (whole,) = self.metrics[-1].resource_metrics
        return {metric.name: metric for scope in whole.scope_metrics for metric in scope.metrics}

    def resources(self) -> list[Resource]:
        """The senders of all messages."""
        sent = [whole.resource for message in self.traces for whole in message.resource_spans]
        return sent + [whole.resource for message in self.metrics for whole in message.resource_metrics]

    def receive(self, path: str, content_type: str, body: bytes) -> int:
        """Store a message; return the status of the answer."""
        self.released.wait()
        if self.status != 200:
            return self.status
        self.raw.append(body)
        if content_type != "application/x-protobuf":
            return 415
        if path == "/v1/traces":
            self.traces.append(ExportTraceServiceRequest.FromString(body))
        elif path == "/v1/metrics":
            self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        else:
            return 404
        return 200


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = collector.receive(self.path, self.headers["content-type"], body)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    collector.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield collector
    finally:
        collector.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
