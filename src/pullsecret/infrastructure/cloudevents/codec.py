"""Reads and writes CloudEvents 1.0 in structured and in binary mode.

Two dialects of content are understood: the design document's (``data.clusterId``) and today's Sentinel's
(``data.id``, with ``data.kind`` naming a cluster).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import attrs
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http, to_binary, to_structured
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import OPTIONAL_ATTRIBUTES, REQUIRED_ATTRIBUTES, CloudEvent

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.events import TRACEPARENT, ClusterEvent, TraceContext
from pullsecret.domain.identifiers import ClusterId

MAX_EVENT_BYTES = 1_048_576
"""Larger messages are refused unread."""

_FORMAT = JSONFormat()
_ATTRIBUTES = frozenset(REQUIRED_ATTRIBUTES + OPTIONAL_ATTRIBUTES)
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")


class Mode(Enum):
    """Where the event's attributes are: in the body, or in ``ce-`` headers beside the bare data."""

    STRUCTURED = "structured"
    BINARY = "binary"


@attrs.frozen
class Malformed:
    """A message that is no event about a cluster; the reason quotes nothing of its body."""

    reason: str


def parse(headers: Mapping[str, str], body: bytes) -> ClusterEvent | Malformed:
    """Return the event; any message gives one or the other, never an exception."""
    if len(body) > MAX_EVENT_BYTES:
        return Malformed(f"it has {len(body)} bytes, more than {MAX_EVENT_BYTES}")
    # A media type means the same in capitals (RFC 9110, 8.3.1), which the library does not know.
    known = {
        name: value.lower() if name.lower() == "content-type" else value for name, value in headers.items()
    }
    try:
        message = from_http(HTTPMessage(known, body), _FORMAT, _Received)
    except RecursionError:
        return Malformed("its JSON is nested too deeply")
    except Exception as error:  # the library raises whatever its parsers do
        return Malformed(f"it is no CloudEvent 1.0 ({_what_is_wrong(error)})")
    return _cluster_event(message)


def render(event: ClusterEvent, mode: Mode = Mode.STRUCTURED) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of ``event``; :func:`parse` gives the same event back."""
    attributes: dict[str, Any] = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "datacontenttype": "application/json",
    }
    if event.trace is not None:
        attributes["traceparent"] = event.trace.traceparent
        if event.trace.tracestate is not None:
            attributes["tracestate"] = event.trace.tracestate
    if event.time is not None:
        attributes["time"] = event.time
    message = CloudEvent(attributes, {"clusterId": event.cluster_id.value, **event.data})
    encoded = (to_structured if mode is Mode.STRUCTURED else to_binary)(message, _FORMAT)
    return encoded.headers, encoded.body


def _cluster_event(message: BaseCloudEvent) -> ClusterEvent | Malformed:
    data = message.get_data()
    if not isinstance(data, dict):
        return Malformed("its data is not a JSON object")
    kind = data.get("kind")
    if kind is not None and (not isinstance(kind, str) or kind.lower() != "cluster"):
        return Malformed("it is not about a cluster")
    cluster_id = data.get("clusterId", data.get("id"))
    if not isinstance(cluster_id, str):
        return Malformed("its data names no cluster (clusterId or id)")
    try:
        valid_id = ClusterId(cluster_id)
    except PermanentError as error:
        return Malformed(error.cause)
    return ClusterEvent(
        id=message.get_id(),
        source=message.get_source(),
        type=message.get_type(),
        cluster_id=valid_id,
        data=data,
        trace=_trace(message),
        time=_time(message),
    )


def _trace(message: BaseCloudEvent) -> TraceContext | None:
    """It goes into variables and annotations of jobs, so what is no trace context is left out."""
    parent, state = message.get_extension("traceparent"), message.get_extension("tracestate")
    if not isinstance(parent, str) or not TRACEPARENT.fullmatch(parent):
        return None
    return TraceContext(parent, state if isinstance(state, str) and _TRACESTATE.fullmatch(state) else None)


class _Received(CloudEvent):
    """Knows whether the sender named a time; the library makes one up where none is given."""

    def __init__(self, attributes: dict[str, Any], data: dict[str, Any] | str | bytes | None = None) -> None:
        self.names_time = "time" in attributes
        super().__init__(attributes, data)


def _time(message: BaseCloudEvent) -> datetime | None:
    if not (isinstance(message, _Received) and message.names_time):
        return None
    time = message.get_time()
    return time if time is None or time.tzinfo else time.replace(tzinfo=UTC)


def _what_is_wrong(error: Exception) -> str:
    """Errors' texts and extensions' names may quote the body."""
    if isinstance(error, CloudEventValidationError):
        named = sorted(_ATTRIBUTES & error.errors.keys()) or ["an extension"]
        return f"missing or invalid: {', '.join(named)}"
    return type(error).__name__
