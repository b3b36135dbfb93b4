"""Clusters as the HyperFleet API's JSON."""

from typing import Any

from pullsecret.domain.cluster import Cluster


def cluster_document(cluster: Cluster) -> dict[str, Any]:
    """The cluster in the design document's shape, with every dependency available."""
    spec: dict[str, Any] = {"provider": cluster.provider, "gcp": {"projectId": cluster.project}}
    if cluster.pull_secret is not None:
        spec["pullSecret"] = {
            "data": cluster.pull_secret.reveal().decode(),
            "secretName": cluster.secret_name,
        }
    adapters: dict[str, Any] = {name: {"available": "True"} for name in ("validation", "dns")}
    adapters["placement"] = {"available": "True", "data": {"namespace": cluster.namespace}}
    asked_at = cluster.deleted_at.isoformat() if cluster.deleted_at else "2026-01-01T00:00:00Z"
    return {
        "id": cluster.id.value,
        "generation": cluster.generation,
        "spec": spec,
        "status": {"adapters": adapters},
    } | ({"deletedTime": asked_at} if cluster.deleting else {})
