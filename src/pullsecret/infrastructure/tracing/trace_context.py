"""The domain's trace context as OpenTelemetry's, and back."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pullsecret.domain.events import TraceContext

_PROPAGATOR = TraceContextTextMapPropagator()


def parent(known: TraceContext | None) -> Context:
    """What a span belongs to; a malformed context counts as none."""
    if known is None:
        return Context()
    carrier = {"traceparent": known.traceparent}
    if known.tracestate:
        carrier["tracestate"] = known.tracestate
    return _PROPAGATOR.extract(carrier, Context())


def current() -> TraceContext | None:
    """The span that is open just now."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    if not trace.get_current_span().get_span_context().is_valid:
        return None
    return TraceContext(carrier["traceparent"], carrier.get("tracestate"))
