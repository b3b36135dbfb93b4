"""What Sentinel tells: something about a cluster wants reconciling (DDR phase 1)."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from pullsecret.domain.identifiers import ClusterId

TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace_id>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]{1,256})?"
)
"""A whole ``traceparent`` (https://www.w3.org/TR/trace-context/): later versions may add to what version 00
has."""


@attrs.frozen
class TraceContext:
    """W3C trace context as the CloudEvent's distributed tracing extension carries it."""

    traceparent: str
    tracestate: str | None = None


@attrs.frozen
class ClusterEvent:
    """A CloudEvents 1.0 event about one cluster, validated.

    ``data`` is the event's JSON payload. It is only read by expressions; the cluster itself is always fetched
    from the HyperFleet API, so an old event can never bring back an old spec.
    """

    id: str
    source: str
    type: str
    cluster_id: ClusterId
    data: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    trace: TraceContext | None = None
    time: datetime | None = attrs.field(default=None, eq=False)
    """When it happened, as the event itself says."""
