"""Opens the way to the collector."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Tracer

_PATIENCE: Final = 2
"""Seconds that a collector which does not answer may hold a process up at its end."""


@contextmanager
def open_tracer(endpoint: str, service: str, share: float = 1.0) -> Iterator[Tracer]:
    """A tracer whose spans go to ``endpoint``; leaving the block sends the last ones.

    A collector that does not answer costs spans, never work.
    """
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(share)),
        resource=Resource.create({"service.name": service, "service.version": version("pullsecret")}),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_PATIENCE)
    provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=_PATIENCE * 1000))
    try:
        yield provider.get_tracer("pullsecret")
    finally:
        provider.shutdown()
