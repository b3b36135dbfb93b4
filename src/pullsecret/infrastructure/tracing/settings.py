"""Whether and where traces are sent."""

from typing import Final

import attrs
from attrs.validators import ge, le

COLLECTOR: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The variable that tells a job :attr:`TracingSettings.endpoint`; OpenTelemetry's own name for it."""


@attrs.frozen
class TracingSettings:
    """OpenTelemetry traces, by OTLP over HTTP. They need the extra ``tracing``."""

    endpoint: str | None = None
    """Base URL of the collector, e.g. ``http://collector:4318``. Null: nothing is traced, at no cost."""
    share: float = attrs.field(default=1.0, validator=[ge(0), le(1)], converter=float)
    """The share, 0 to 1, of the traces begun here that are kept. A trace that Sentinel began is kept if
    Sentinel keeps it."""
