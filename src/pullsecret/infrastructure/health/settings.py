"""Where health and metrics are served."""

import attrs
from attrs.validators import ge, gt, le


@attrs.frozen
class HealthSettings:
    """A plain HTTP server for ``/metrics``, ``/healthz`` and ``/readyz``."""

    enabled: bool = True
    """False serves nothing."""
    host: str = "0.0.0.0"  # noqa: S104 - kubelet and Prometheus come from other hosts
    """The address to listen on."""
    port: int = attrs.field(default=8080, validator=[ge(0), le(65535)])
    """The port to listen on; 0 takes a free one."""
    patience: float = attrs.field(default=1.0, validator=gt(0))
    """Seconds that a question about health may take before it counts as a problem."""
