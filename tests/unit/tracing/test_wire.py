"""Spans of both processes, as a collector receives them."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pullsecret.domain.events import ClusterEvent, TraceContext
from pullsecret.domain.identifiers import ClusterId
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import Replica, open_adapter
from pullsecret.entrypoints.job import main
from pullsecret.infrastructure.cloudevents.codec import render
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.infrastructure.tracing.settings import TracingSettings

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE = TraceContext(f"00-{TRACE_ID}-00f067aa0ba902b7-01")


class Collector:
    """Keeps the spans that are sent to it, by trace."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str]] = []
        """Trace id and name."""
        kept = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                request = ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    for scope in resource.scope_spans:
                        kept.extend((span.trace_id.hex(), span.name) for span in scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def names(self) -> set[str]:
        return {name for trace_id, name in self.spans if trace_id == TRACE_ID}


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_a_job_goes_on_with_the_trace_that_it_is_given(collector: Collector, tmp_path: Path) -> None:
    code = main(
        {
            "CLUSTER_ID": "cls-1",
            "GCP_PROJECT_ID": "customer-prod-12345",
            "MANAGEMENT_NAMESPACE": "clusters-cls-1",
            "TERMINATION_MESSAGE_PATH": str(tmp_path / "message"),
            "TRACEPARENT": TRACE.traceparent,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }
    )
    assert code == 78
    assert collector.names() == {"run-job"}


async def test_the_adapter_traces_where_it_is_configured(collector: Collector) -> None:
    configuration = attrs.evolve(Configuration.default(), tracing=TracingSettings(collector.url))
    clock = SystemClock()
    world = EmbeddedWorld.create(latency=(0, 0), clock=clock)
    event = ClusterEvent(
        "e-1", "sentinel", "cluster.create", ClusterId("cls-1"), {"provider": "gcp"}, trace=TRACE
    )
    await world.broker.publish(*render(event))
    stop = asyncio.Event()
    async with open_adapter(Replica(configuration, clock, world.telemetry, "r-1"), world) as adapter:
        running = asyncio.create_task(adapter.run(stop))
        while not world.broker.empty:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)
        stop.set()
        with suppress(asyncio.CancelledError):
            await running
    assert collector.names() == {"handle-event", "get-cluster"}


def test_it_costs_nothing_where_it_is_off() -> None:
    program = (
        "import sys, pullsecret.entrypoints.job, pullsecret.entrypoints.adapter;"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
