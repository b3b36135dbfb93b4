"""Whether and where traces are sent."""

from typing import Final
from urllib.parse import urlsplit

import attrs
from attrs.validators import ge, le

COLLECTOR: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The variable that tells a job :attr:`TracingSettings.endpoint`; OpenTelemetry's own name for it."""


def _without_credentials(_instance: object, _attribute: object, url: str | None) -> None:
    # Jobs are told it in a variable, which stands in their pods' specs.
    if url is not None and "@" in urlsplit(url).netloc:
        raise ValueError("the URL of the collector must not name a user or a password")


@attrs.frozen
class TracingSettings:
    """OpenTelemetry traces, by OTLP over HTTP. They need the extra ``tracing``.

    Raises :class:`ValueError` where the endpoint has a user in it.
    """

    endpoint: str | None = attrs.field(default=None, validator=_without_credentials)
    """Base URL of the collector, e.g. ``http://collector:4318``. Null: nothing is traced, at no cost."""
    share: float = attrs.field(default=1.0, validator=[ge(0), le(1)], converter=float)
    """The share, 0 to 1, of the traces begun here that are kept. A trace that Sentinel began is kept if
    Sentinel keeps it."""
