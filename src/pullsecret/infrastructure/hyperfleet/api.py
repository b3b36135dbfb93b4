"""Opens the HyperFleet API: one transport, and the two ports on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from pullsecret.domain.cluster_document import ClusterDocumentPaths
from pullsecret.infrastructure.hyperfleet.clusters import HttpClusterCatalog
from pullsecret.infrastructure.hyperfleet.settings import Dialect, HyperFleetSettings
from pullsecret.infrastructure.hyperfleet.statuses import DdrStatusSink, V1StatusSink
from pullsecret.infrastructure.hyperfleet.transport import HyperFleetTransport, hyperfleet_transport
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_catalog import ClusterCatalog
from pullsecret.ports.status_sink import StatusSink
from pullsecret.ports.telemetry import Telemetry


@attrs.frozen
class HyperFleetApi:
    """The ports, in the configured dialect."""

    catalog: ClusterCatalog
    status: StatusSink


@asynccontextmanager
async def hyperfleet_api(
    settings: HyperFleetSettings,
    clock: Clock,
    paths: ClusterDocumentPaths | None = None,
    telemetry: Telemetry | None = None,
) -> AsyncIterator[HyperFleetApi]:
    """The API as long as the block; nothing is sent before the first call of a port.

    ``paths`` are where the cluster keeps each value, by default the dialect's own places; ``telemetry`` is
    told of the circuit's state.

    Raises :class:`~pullsecret.domain.errors.PermanentError` (``WrongConfiguration``) naming a file that
    cannot be used.
    """
    async with hyperfleet_transport(settings, clock, telemetry) as transport:
        yield api_over(transport, settings.dialect, paths)


def api_over(
    transport: HyperFleetTransport, dialect: Dialect, paths: ClusterDocumentPaths | None = None
) -> HyperFleetApi:
    """The ports on an open transport."""
    v1 = dialect is Dialect.V1
    catalog = HttpClusterCatalog(transport, paths or dialect.document_paths, with_statuses=v1)
    return HyperFleetApi(catalog, V1StatusSink(transport) if v1 else DdrStatusSink(transport))
