"""The job's spans, made from the facts that it tells anyway."""

import time

from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from pullsecret.domain.events import TraceContext
from pullsecret.domain.facts import CleanUpEnded, Fact, JobEnded, RetryScheduled, StepDone
from pullsecret.domain.jobs import AnyKey
from pullsecret.infrastructure.tracing.trace_context import parent


class JobSpans:
    """Telemetry port: one span for the job, and in it one for each step up to the moment it was done."""

    def __init__(self, tracer: Tracer, key: AnyKey, trace: TraceContext | None) -> None:
        self._tracer = tracer
        attributes: dict[str, str] = {"cluster_id": key.cluster_id.value, "job": key.name}
        self._job: Span = tracer.start_span("run-job", parent(trace), attributes=attributes)
        self._since = time.time_ns()

    def record(self, fact: Fact) -> None:
        """Note ``fact``; the end of the job ends its span."""
        match fact:
            case StepDone():
                self._step(fact.operation, StatusCode.OK)
            case RetryScheduled():
                self._step(fact.operation, StatusCode.ERROR, str(fact.error.reason))
            case JobEnded() | CleanUpEnded():
                failure = fact.result.failure
                if failure is not None:
                    self._job.set_status(Status(StatusCode.ERROR, str(failure.reason)))
                self._job.end()

    def _step(self, operation: str, code: StatusCode, reason: str | None = None) -> None:
        span = self._tracer.start_span(operation, set_span_in_context(self._job), start_time=self._since)
        span.set_status(Status(code, reason))
        span.end()
        self._since = time.time_ns()
