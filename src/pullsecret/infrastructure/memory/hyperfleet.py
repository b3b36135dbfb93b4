"""The HyperFleet API, embedded: clusters, generations, and the statuses it was told."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import attrs

from pullsecret.domain.cluster_document import ClusterDocumentPaths, read_cluster
from pullsecret.domain.conditions import Condition, Status, StatusReport
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.memory.faults import FaultScript
from pullsecret.ports.cluster_catalog import CatalogEntry
from pullsecret.ports.status_sink import Receipt


@attrs.define
class TransitionTimes:
    """When each condition last changed its status, as the API notes it."""

    applied: datetime
    available: datetime
    health: datetime


@attrs.define
class KnownStatus:
    """What the API believes of one cluster's pull secret."""

    report: StatusReport
    transitions: TransitionTimes


@attrs.define
class MemoryHyperFleet:
    """Clusters as the API's JSON, and what was told about them."""

    clusters: dict[str, Mapping[str, Any]] = attrs.field(factory=dict, repr=False)
    statuses: dict[str, KnownStatus] = attrs.field(factory=dict)
    told: list[StatusReport] = attrs.field(factory=list)
    """Every accepted report, oldest first."""

    def put(self, document: Mapping[str, Any]) -> None:
        """Create or replace a cluster."""
        self.clusters[document["id"]] = document

    def status(self, cluster_id: str) -> StatusReport | None:
        """What the API believes now."""
        known = self.statuses.get(cluster_id)
        return known.report if known else None


@attrs.frozen
class MemoryClusterCatalog:
    """ClusterCatalog port on a :class:`MemoryHyperFleet`."""

    hyperfleet: MemoryHyperFleet
    paths: ClusterDocumentPaths
    faults: FaultScript

    async def get(self, cluster_id: ClusterId) -> CatalogEntry | None:
        """See the port."""
        async with _call(self.faults, "cluster-catalog.get", cluster_id):
            document = self.hyperfleet.clusters.get(cluster_id.value)
            return None if document is None else CatalogEntry(*read_cluster(document, self.paths))


@attrs.frozen
class MemoryStatusSink:
    """StatusSink port on a :class:`MemoryHyperFleet`."""

    hyperfleet: MemoryHyperFleet
    faults: FaultScript

    async def post(self, report: StatusReport) -> Receipt:
        """See the port."""
        async with _call(self.faults, "status-sink.post", report.cluster_id):
            return self._take(report)

    def _take(self, report: StatusReport) -> Receipt:
        key = report.cluster_id.value
        cluster = self.hyperfleet.clusters.get(key)
        if cluster is None:
            return Receipt.CLUSTER_GONE
        known = self.hyperfleet.statuses.get(key)
        if known and known.report.generation > report.generation:
            return Receipt.STALE
        self.hyperfleet.statuses[key] = KnownStatus(report, _transitions(known, report))
        self.hyperfleet.told.append(report)
        finalized = report.conditions.finalized
        if finalized is not None and finalized.status is Status.TRUE:
            # No other adapter has to say so here, and so the cluster goes at once.
            del self.hyperfleet.clusters[key]
        return Receipt.ACCEPTED


def _transitions(known: KnownStatus | None, report: StatusReport) -> TransitionTimes:
    now = report.observed_at
    if known is None:
        return TransitionTimes(now, now, now)

    def since(before: Condition, after: Condition, noted: datetime) -> datetime:
        return noted if before.status is after.status else now

    old, new, times = known.report.conditions, report.conditions, known.transitions
    return TransitionTimes(
        applied=since(old.applied, new.applied, times.applied),
        available=since(old.available, new.available, times.available),
        health=since(old.health, new.health, times.health),
    )


def _call(faults: FaultScript, point: str, cluster_id: ClusterId) -> AbstractAsyncContextManager[None]:
    return faults.at(point, f"cluster {cluster_id}", Reason.HYPERFLEET_UNAVAILABLE)
