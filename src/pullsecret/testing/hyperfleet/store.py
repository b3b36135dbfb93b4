"""The state behind the fake API: generations, reports, aggregation, deletion."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, evolve, field

from pullsecret.testing.hyperfleet.aggregation import aggregate, all_finalized
from pullsecret.testing.hyperfleet.problem import conflict, invalid, not_found
from pullsecret.testing.hyperfleet.records import ClusterRecord, Report

MANDATORY = ("Available", "Applied", "Health")
MAX_SKEW = timedelta(minutes=5)
MAX_AGE = timedelta(minutes=30)


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


@define
class ClusterStore:
    """Clusters by id. Not safe for threads: the server and the test share one event loop.

    `required_adapters` decide Reconciled and the end of a deletion. `accepted` keeps every report that
    changed the state, in order, so that a test can look for a flap.
    """

    required_adapters: Sequence[str] = ("validation", "dns", "placement", "pullsecret")
    now: Callable[[], datetime] = utc_now
    clusters: dict[str, ClusterRecord] = field(factory=dict)
    accepted: list[tuple[str, Report]] = field(factory=list)
    deleted: set[str] = field(factory=set)

    def create(
        self,
        spec: Mapping[str, Any],
        *,
        cluster_id: str | None = None,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> ClusterRecord:
        """A new cluster at generation 1; raises `ProblemError` (409) when the id exists."""
        at = self.now()
        identifier = cluster_id or str(uuid.uuid4())
        if identifier in self.clusters:
            raise conflict("This Cluster already exists")
        cluster = ClusterRecord(
            id=identifier,
            name=name or f"cluster-{identifier[:8]}".rstrip("-").lower(),
            spec=dict(spec),
            labels=dict(labels or {}),
            created_time=at,
            updated_time=at,
        )
        self.clusters[identifier] = cluster
        self._changed(cluster)
        return cluster

    def get(self, cluster_id: str) -> ClusterRecord:
        """The cluster; raises `ProblemError` (404) when there is none."""
        try:
            return self.clusters[cluster_id]
        except KeyError:
            raise not_found(cluster_id) from None

    def patch(
        self, cluster_id: str, spec: Mapping[str, Any] | None, labels: Mapping[str, str] | None = None
    ) -> ClusterRecord:
        """Replace spec or labels; a changed spec is a new generation."""
        cluster = self.get(cluster_id)
        if cluster.deleted_time is not None:
            raise conflict(f"Cluster '{cluster_id}' is marked for deletion")
        if labels is not None:
            cluster.labels = dict(labels)
        if spec is not None and dict(spec) != cluster.spec:
            cluster.spec = dict(spec)
            cluster.generation += 1
        cluster.updated_time = self.now()
        self._changed(cluster)
        return cluster

    def delete(self, cluster_id: str) -> ClusterRecord:
        """Mark for deletion; once, and that is a new generation."""
        cluster = self.get(cluster_id)
        if cluster.deleted_time is None:
            cluster.deleted_time = cluster.updated_time = self.now()
            cluster.generation += 1
            self._changed(cluster)
        return cluster

    def remove(self, cluster_id: str) -> None:
        """Remove the record, whatever the adapters say."""
        self.get(cluster_id)
        del self.clusters[cluster_id]
        self.deleted.add(cluster_id)

    def report(self, cluster_id: str, report: Report) -> Report | None:
        """Store an adapter's report; None when the API discards it (204).

        Discarded: a generation the cluster does not have yet, an older generation or time than the
        stored report's, Available=Unknown after the first report. Refused (`ProblemError`, 400): a mandatory
        condition missing, an observed time more than 5 minutes ahead or 30 minutes behind.
        """
        cluster = self.get(cluster_id)
        at = self.now()
        if not at - MAX_AGE <= report.observed_time <= at + MAX_SKEW:
            raise invalid("observed_time must be within 30m in the past and 5m in the future")
        before = cluster.reports.get(report.adapter)
        if report.observed_generation > cluster.generation:
            return None
        if before is not None and (report.observed_generation, report.observed_time) < (
            before.observed_generation,
            before.observed_time,
        ):
            return None
        for mandatory in MANDATORY:
            if report.status_of(mandatory) is None:
                raise invalid(f"missing mandatory condition '{mandatory}'")
        if before is not None and report.status_of("Available") == "Unknown":
            return None
        stored = _with_transition_times(report, before)
        cluster.reports[report.adapter] = stored
        self.accepted.append((cluster_id, stored))
        if cluster.deleted_time is not None and all_finalized(cluster, self.required_adapters):
            self.remove(cluster_id)
        else:
            self._changed(cluster)
        return stored

    def _changed(self, cluster: ClusterRecord) -> None:
        cluster.revision += 1
        cluster.conditions = aggregate(cluster, self.required_adapters)


def _with_transition_times(report: Report, before: Report | None) -> Report:
    """A condition keeps the time of its last transition as long as its status is the same."""
    if before is None:
        return report
    return evolve(
        report,
        created_time=before.created_time,
        conditions=tuple(
            evolve(c, since=old.since)
            if (old := before.condition(c.type)) is not None and old.status == c.status
            else c
            for c in report.conditions
        ),
    )
