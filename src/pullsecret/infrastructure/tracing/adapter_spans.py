"""The adapter's spans: an event, the reading of its cluster, and the telling of a status."""

from collections.abc import Awaitable, Callable

import attrs
from opentelemetry.trace import SpanKind, Tracer

from pullsecret.application.outcomes import Outcome
from pullsecret.domain.conditions import StatusReport
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.identifiers import ClusterId
from pullsecret.infrastructure.tracing.quiet_span import quiet_span
from pullsecret.infrastructure.tracing.trace_context import current, parent
from pullsecret.ports.cluster_catalog import CatalogEntry, ClusterCatalog
from pullsecret.ports.status_sink import Receipt, StatusSink


@attrs.frozen
class TracedHandle:
    """Handles an event inside of a span: a child of the event's own, and the parent of the job's."""

    handle: Callable[[ClusterEvent], Awaitable[Outcome]]
    tracer: Tracer

    async def __call__(self, event: ClusterEvent) -> Outcome:
        """See ``HandleEvent``."""
        attributes = {"cluster_id": event.cluster_id.value, "event.id": event.id, "event.type": event.type}
        context = parent(event.trace)
        with quiet_span(self.tracer, "handle-event", SpanKind.CONSUMER, attributes, context) as span:
            trace = current() or event.trace
            outcome = await self.handle(attrs.evolve(event, trace=trace))
            span.set_attribute("outcome", type(outcome).__name__)
            return outcome


@attrs.frozen
class TracedCatalog:
    """ClusterCatalog port in front of another."""

    catalog: ClusterCatalog
    tracer: Tracer

    async def get(self, cluster_id: ClusterId) -> CatalogEntry | None:
        """See the port."""
        attributes = {"cluster_id": cluster_id.value}
        with quiet_span(self.tracer, "get-cluster", SpanKind.CLIENT, attributes):
            return await self.catalog.get(cluster_id)


@attrs.frozen
class TracedStatusSink:
    """StatusSink port in front of another. What is told of a job belongs to the trace of the event that the
    job came from, whichever replica handled that."""

    status: StatusSink
    tracer: Tracer

    async def post(self, report: StatusReport) -> Receipt:
        """See the port."""
        known = current() or (report.job.trace if report.job else None)
        attributes = {
            "cluster_id": report.cluster_id.value,
            "reason": report.conditions.applied.reason.value,
        }
        with quiet_span(self.tracer, "post-status", SpanKind.CLIENT, attributes, parent(known)):
            return await self.status.post(report)
