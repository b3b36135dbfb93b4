"""One trace from the event over the job to the status."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import attrs
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer
from tests.unit.metrics.samples import KEY, PROJECT, ended, failure, success

from pullsecret.application.outcomes import Skipped
from pullsecret.domain.conditions import StatusReport, job_report
from pullsecret.domain.errors import TransientError
from pullsecret.domain.events import ClusterEvent, TraceContext
from pullsecret.domain.facts import RetryScheduled, SkipReason, StepDone
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import Finished, ProvisionJob
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.logs.settings import LogSettings
from pullsecret.infrastructure.logs.telemetry import new_logger
from pullsecret.infrastructure.tracing.adapter_spans import TracedCatalog, TracedHandle, TracedStatusSink
from pullsecret.infrastructure.tracing.job_spans import JobSpans
from pullsecret.infrastructure.tracing.tracer import open_tracer
from pullsecret.ports.cluster_catalog import CatalogEntry
from pullsecret.ports.status_sink import Receipt
from pullsecret.testing.contracts.samples import new_target

SENTINEL = TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=1")
EVENT = ClusterEvent("e-1", "sentinel", "cluster.create", KEY.cluster_id, trace=SENTINEL)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Tracer:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("test")


class NoCatalog:
    async def get(self, _cluster_id: ClusterId) -> CatalogEntry | None:
        return None


def tree(spans: Sequence[ReadableSpan]) -> dict[str, str | None]:
    """Each span's name and its parent's."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    return {span.name: names.get(span.parent.span_id) if span.parent else None for span in spans}


async def test_one_trace_across_both_processes(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    given: list[ClusterEvent] = []
    catalog = TracedCatalog(NoCatalog(), tracer)

    async def handle(event: ClusterEvent) -> Skipped:
        await catalog.get(event.cluster_id)
        given.append(event)
        return Skipped(SkipReason.CLUSTER_GONE)

    await TracedHandle(handle, tracer)(EVENT)
    job = JobSpans(tracer, KEY, given[0].trace)  # what the adapter hands to the job
    error = TransientError("get-secret", "s", Reason.QUOTA_EXCEEDED, "Spent.")
    job.record(RetryScheduled(KEY.cluster_id, "get-secret", 1, 0.1, error))
    job.record(StepDone(KEY.cluster_id, PROJECT, "create-secret", "Created secret"))
    job.record(ended(success()))

    spans = exporter.get_finished_spans()
    assert {format(span.context.trace_id, "032x") for span in spans if span.context} == {
        "4bf92f3577b34da6a3ce929d0e0e4736"
    }
    assert tree(spans) == {
        "get-cluster": "handle-event",
        "handle-event": None,  # its parent is Sentinel's
        "get-secret": "run-job",
        "create-secret": "run-job",
        "run-job": "handle-event",
    }


class NoStatuses:
    async def post(self, _report: StatusReport) -> Receipt:
        return Receipt.ACCEPTED


async def test_another_replica_tells_the_end_in_the_same_trace(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    finished = Finished(success(), datetime(2026, 1, 1, tzinfo=UTC))
    job = ProvisionJob(KEY, new_target(KEY.cluster_id), finished, finished.at, trace=SENTINEL)
    await TracedStatusSink(NoStatuses(), tracer).post(job_report(job, finished, finished.at))
    (span,) = exporter.get_finished_spans()
    assert span.context
    assert format(span.context.trace_id, "032x") == "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_a_failure_shows_its_reason_and_never_its_text(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    async def handle(_event: ClusterEvent) -> Skipped:
        raise RuntimeError("hunter2")

    with pytest.raises(RuntimeError):
        await TracedHandle(handle, tracer)(EVENT)
    job = JobSpans(tracer, KEY, None)
    job.record(ended(failure(Reason.PERMISSION_DENIED)))
    shown = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert "PermissionDenied" in shown
    assert "hunter2" not in shown


async def test_a_malformed_context_begins_a_new_trace(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    async def handle(_event: ClusterEvent) -> Skipped:
        return Skipped(SkipReason.STALE)

    malformed = attrs.evolve(EVENT, trace=TraceContext("garbage"))
    await TracedHandle(handle, tracer)(malformed)
    (span,) = exporter.get_finished_spans()
    assert span.parent is None


def test_log_lines_bear_the_ids_of_the_open_span(tracer: Tracer) -> None:
    stream = io.StringIO()
    logger = new_logger(LogSettings(format="json"), stream)
    with tracer.start_as_current_span("x") as span:
        logger.info("inside")
    logger.info("outside")
    inside, outside = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert inside["trace_id"] == format(span.get_span_context().trace_id, "032x")
    assert "trace_id" not in outside


def test_a_collector_that_is_not_there_costs_no_work() -> None:
    with open_tracer("http://127.0.0.1:1", "test") as tracer, tracer.start_as_current_span("x"):
        pass
