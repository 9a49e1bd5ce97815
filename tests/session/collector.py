"""An OpenTelemetry collector for tests: OTLP over HTTP, as `opentelemetry-proto` has it, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

Value = str | int | bool


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """Attributes as a dictionary."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}


class Collector:
    """Keeps what it gets. `with Collector() as collector:`; `collector.url` is the endpoint."""

    def __init__(self) -> None:
        self.logs: list[tuple[dict[str, Value], LogRecord]] = []
        """(attributes of the resource, record)"""

        self.metrics: dict[str, list[tuple[dict[str, Value], float]]] = {}
        """Metric -> the newest (attributes, value) of each of its points."""

        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["content-length"]))
                outer.may_answer.wait(60)
                if outer.status == 200:
                    outer._take(self.path, data)
                self.send_response(outer.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def _take(self, path: str, data: bytes) -> None:
        if path == "/v1/logs":
            for logs in ExportLogsServiceRequest.FromString(data).resource_logs:
                resource = attributes_of(logs.resource.attributes)
                self.logs += [(resource, record) for scope in logs.scope_logs for record in scope.log_records]
        elif path == "/v1/metrics":
            for metrics in ExportMetricsServiceRequest.FromString(data).resource_metrics:
                for scope in metrics.scope_metrics:
                    for metric in scope.metrics:
                        kind = metric.WhichOneof("data")
                        points = metric.sum.data_points if kind == "sum" else metric.gauge.data_points
                        self.metrics[metric.name] = [
                            (attributes_of(point.attributes), point.as_int or point.as_double) for point in points
                        ]

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
