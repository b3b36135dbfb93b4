"""Steps from an event to a line with exactly the design's keys (DDR observability, "Logs")."""

import hashlib
import sys
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

KEYS: Final = ("timestamp", "level", "cluster_id", "gcp_project", "operation", "message", "version")
"""In every JSON line, null where there is nothing to say."""
TRACE_KEYS: Final = ("trace_id", "span_id")
"""In a JSON line that belongs to a trace."""

_SAMPLED_LEVELS: Final = ("debug", "info")


def design_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Only the design's keys and the trace's; whatever else is known stands at the end of the message."""
    line: EventDict = {key: event.pop(key, None) for key in KEYS if key != "message"}
    traced = {key: event.pop(key) for key in TRACE_KEYS if event.get(key) is not None}
    message = str(event.pop("event", ""))
    if event:
        message += f" ({', '.join(f'{key}={value}' for key, value in event.items())})"
    return {key: message if key == "message" else line[key] for key in KEYS} | traced


def trace_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The ids of the span that is open, where tracing is in use at all."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is not None:
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = trace.format_trace_id(context.trace_id)
            event["span_id"] = trace.format_span_id(context.span_id)
    return event


def present_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """For a person's eyes: without the keys that have no value."""
    return {key: value for key, value in event.items() if value is not None}


def sampled(share: float) -> Processor:
    """Drops the lines of clusters that are not among ``share``, unless they warn."""

    def sample(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        cluster_id = event.get("cluster_id")
        if cluster_id is None or event.get("level") not in _SAMPLED_LEVELS or _position(cluster_id) < share:
            return event
        raise structlog.DropEvent

    return sample


def _position(cluster_id: str) -> float:
    """Evenly spread over [0, 1)."""
    return int.from_bytes(hashlib.sha256(cluster_id.encode()).digest()[:6]) / 2**48
