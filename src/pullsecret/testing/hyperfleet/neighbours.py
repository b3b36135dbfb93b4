"""The other adapters, as far as they matter here: validation, DNS and placement report that they are done."""

from datetime import timedelta
from typing import Any

from pullsecret.testing.hyperfleet.records import ClusterRecord, Condition, Report
from pullsecret.testing.hyperfleet.store import ClusterStore

DEPENDENCIES = ("validation", "dns", "placement")


def keep_up(store: ClusterStore, cluster: ClusterRecord) -> None:
    """Let them do what the cluster's state asks of them: provision, or clean up."""
    if cluster.deleted_time is None:
        complete_dependencies(store, cluster)
    else:
        finalize_dependencies(store, cluster.id)


def complete_dependencies(store: ClusterStore, cluster: ClusterRecord) -> None:
    """Let every adapter that pullsecret waits for report success at the cluster's generation."""
    for adapter in DEPENDENCIES:
        placed = adapter == "placement"
        data = {"namespace": f"clusters-{cluster.id}"[:63].rstrip("-._").lower()} if placed else None
        report_as(store, cluster.id, adapter, available="True", data=data)


def report_as(
    store: ClusterStore,
    cluster_id: str,
    adapter: str,
    *,
    available: str,
    data: dict[str, Any] | None = None,
    finalized: str | None = None,
) -> None:
    """Store a report of another adapter at the cluster's current generation."""
    at = store.now()
    statuses = {"Applied": available, "Available": available, "Health": "True"}
    if finalized is not None:
        statuses["Finalized"] = finalized
    known = store.get(cluster_id).reports.get(adapter)
    if known is not None:
        at = max(at, known.observed_time + timedelta(microseconds=1))
    store.report(
        cluster_id,
        Report(
            adapter=adapter,
            observed_generation=store.get(cluster_id).generation,
            observed_time=at,
            created_time=at,
            conditions=tuple(
                Condition(type_, status, "Reported", f"{adapter} reported", at)
                for type_, status in statuses.items()
            ),
            data=data,
        ),
    )


def finalize_dependencies(store: ClusterStore, cluster_id: str) -> None:
    """Let every adapter that pullsecret waits for report that it cleaned up a cluster being deleted."""
    for adapter in DEPENDENCIES:
        if cluster_id in store.clusters:
            report_as(store, cluster_id, adapter, available="False", finalized="True")
