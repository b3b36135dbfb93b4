"""Opens the HyperFleet API: one transport, and the two ports on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from pullsecret.infrastructure.hyperfleet.clusters import HttpClusterCatalog
from pullsecret.infrastructure.hyperfleet.settings import Dialect, HyperFleetSettings
from pullsecret.infrastructure.hyperfleet.statuses import DdrStatusSink, V1StatusSink
from pullsecret.infrastructure.hyperfleet.transport import hyperfleet_transport
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_catalog import ClusterCatalog
from pullsecret.ports.status_sink import StatusSink


@attrs.frozen
class HyperFleetApi:
    """The ports, in the configured dialect."""

    catalog: ClusterCatalog
    status: StatusSink


@asynccontextmanager
async def hyperfleet_api(settings: HyperFleetSettings, clock: Clock) -> AsyncIterator[HyperFleetApi]:
    """The API as long as the block; nothing is sent before the first call of a port.

    Raises :class:`~pullsecret.domain.errors.PermanentError` (``WrongConfiguration``) naming a file that
    cannot be used.
    """
    async with hyperfleet_transport(settings, clock) as transport:
        sink = V1StatusSink(transport) if settings.dialect is Dialect.V1 else DdrStatusSink(transport)
        yield HyperFleetApi(HttpClusterCatalog(transport, settings), sink)
