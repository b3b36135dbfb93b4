"""How the HyperFleet API is reached."""

from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import attrs
from attrs.validators import ge, gt

from pullsecret.domain.backoff import Backoff
from pullsecret.domain.cluster_document import DDR_PATHS, V1_PATHS, ClusterDocumentPaths
from pullsecret.infrastructure.loopback import is_loopback
from pullsecret.infrastructure.url_port import has_valid_port


class Dialect(StrEnum):
    """Which HyperFleet API is spoken."""

    DDR = "ddr"
    """The design document's: statuses are a map, ``POST``ed."""
    V1 = "v1"
    """Today's, HyperFleet API 1.0: statuses are a list with a generation and a time, ``PUT``."""

    @property
    def base_path(self) -> str:
        """What stands before ``/clusters``."""
        return "/api/hyperfleet/v1" if self is Dialect.V1 else ""

    @property
    def document_paths(self) -> ClusterDocumentPaths:
        """Where this dialect's cluster keeps each value, unless configured otherwise."""
        return V1_PATHS if self is Dialect.V1 else DDR_PATHS


def _origin(url: str) -> str:
    return url.rstrip("/")


@attrs.frozen
class ApiTimeouts:
    """Seconds. ``total`` bounds one request with its answer, however slowly the bytes drip in."""

    connect: float = attrs.field(default=3.0, validator=gt(0))
    """Seconds to connect in."""
    read: float = attrs.field(default=10.0, validator=gt(0))
    """Seconds without a byte."""
    total: float = attrs.field(default=15.0, validator=gt(0))
    """Seconds for the request and its whole answer."""


@attrs.frozen
class CircuitPolicy:
    """When to stop asking an API that does not answer."""

    failures: int = attrs.field(default=5, validator=ge(1))
    """So many in a row open the circuit."""
    pause: Backoff = attrs.field(factory=lambda: Backoff(initial=2, factor=2, maximum=30))
    """How long it stays open; one request then tries whether the API is back."""


@attrs.frozen
class HyperFleetSettings:
    """Connection to the HyperFleet API. Raises :class:`ValueError` naming what is wrong with ``url``."""

    url: str = attrs.field(default="https://hyperfleet-api.hyperfleet-system.svc", converter=_origin)
    """Scheme, host and port, and a path if the API is served below one; ``https`` unless on loopback."""
    dialect: Dialect = Dialect.DDR
    """``ddr``, the design document's, or ``v1``, today's."""
    token_file: Path | None = None
    """A file with the bearer token. It is read again whenever it changes."""
    ca_bundle: Path | None = None
    """CA certificates (PEM) to trust instead of the system's."""
    client_certificate: Path | None = None
    """Our certificate (PEM), where the API asks for one."""
    client_key: Path | None = None
    """The key of that certificate (PEM)."""
    timeouts: ApiTimeouts = attrs.field(factory=ApiTimeouts)
    """How long a request may take."""
    attempts: int = attrs.field(default=3, validator=ge(1))
    """Requests that may be sent again are sent at most so many times in a row."""
    retry_pause: Backoff = attrs.field(factory=lambda: Backoff(initial=0.2, factor=3, maximum=2))
    """Between those."""
    circuit: CircuitPolicy = attrs.field(factory=CircuitPolicy)
    """When to stop asking an API that does not answer."""
    concurrency: int = attrs.field(default=32, validator=ge(1))
    """Requests in flight at once; the rest wait, so that an API that comes back is not overrun."""
    max_response_bytes: int = attrs.field(default=4 * 1024 * 1024, validator=ge(1))
    """Larger answers are refused."""

    @url.validator
    def _check_url(self, _attribute: object, url: str) -> None:
        parts: SplitResult = urlsplit(url)
        # First, since the other messages quote the URL.
        if parts.username or parts.password or parts.query or parts.fragment or "@" in url:
            raise ValueError("the URL of the API has no user, query or fragment; tokens belong in a file")
        if parts.scheme not in ("http", "https") or not parts.hostname or not has_valid_port(parts):
            raise ValueError(f"{url!r} is not an http or https URL")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError(f"{url!r} would send secrets unencrypted; use https")

    @property
    def base_url(self) -> str:
        """Where ``/clusters`` is found."""
        return self.url + self.dialect.base_path
