"""The HyperFleet API, embedded: clusters, generations, and the statuses it was told."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import attrs

from pullsecret.domain.cluster_document import ClusterDocumentPaths, read_cluster
from pullsecret.domain.conditions import Condition, Conditions, Status, StatusReport
from pullsecret.domain.identifiers import ClusterId, Generation
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
    changes: int = 0
    """How many of those said something else than what was believed before."""
    _unavailable: dict[str, None] = attrs.field(factory=dict)

    def put(self, document: Mapping[str, Any]) -> None:
        """Create or replace a cluster."""
        self.clusters[document["id"]] = document
        self._note_availability(document["id"])

    def remove(self, cluster_id: str) -> None:
        """Let a cluster be gone, if it is there. What was told about it stays."""
        self.clusters.pop(cluster_id, None)
        self._note_availability(cluster_id)

    def believe(self, report: StatusReport) -> None:
        """Take ``report`` for how its cluster's pull secret stands."""
        key = report.cluster_id.value
        known = self.statuses.get(key)
        self.statuses[key] = KnownStatus(report, _transitions(known, report))
        self.told.append(report)
        if known is None or _said(known.report) != _said(report):
            self.changes += 1
        self._note_availability(key)

    def unavailable(self) -> Sequence[Mapping[str, Any]]:
        """The clusters whose current generation is not known to be available."""
        return [self.clusters[cluster_id] for cluster_id in self._unavailable]

    def status(self, cluster_id: str) -> StatusReport | None:
        """What the API believes now."""
        known = self.statuses.get(cluster_id)
        return known.report if known else None

    def _note_availability(self, cluster_id: str) -> None:
        document = self.clusters.get(cluster_id)
        if document is None or _available(document, self.status(cluster_id)):
            self._unavailable.pop(cluster_id, None)
        else:
            self._unavailable[cluster_id] = None


def _available(document: Mapping[str, Any], report: StatusReport | None) -> bool:
    return (
        report is not None
        and report.generation == document["generation"]
        and report.conditions.available.status is Status.TRUE
    )


def _said(report: StatusReport) -> tuple[Generation, Conditions]:
    return report.generation, report.conditions


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
        self.hyperfleet.believe(report)
        finalized = report.conditions.finalized
        if finalized is not None and finalized.status is Status.TRUE:
            # No other adapter has to say so here, and so the cluster goes at once.
            self.hyperfleet.remove(key)
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
