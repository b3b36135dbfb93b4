"""What an expression may read: the event, the cluster, and the design's short names for both."""

from collections.abc import Mapping
from typing import Any

from pullsecret.domain.cluster_document import ClusterDocumentPaths, find_first
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.secret_payload import REDACTED
from pullsecret.ports.cluster_catalog import CatalogEntry


def event_environment(event: ClusterEvent) -> dict[str, Any]:
    """``event.Type``, ``event.Id``, ``event.Source``, ``event.Data`` and ``clusterId`` (DDR eventFilter)."""
    return {
        "event": {"Type": event.type, "Id": event.id, "Source": event.source, "Data": event.data},
        "clusterId": event.cluster_id.value,
    }


def cluster_environment(
    event: ClusterEvent, entry: CatalogEntry, where: ClusterDocumentPaths
) -> dict[str, Any]:
    """The event's names, the whole cluster document, and both of the design's forms.

    Short form: ``cloudProvider``, ``gcpProjectId``, ``pullSecretData``, ``generation``, ``region``,
    ``namespace`` and ``{adapter}Status`` for each adapter waited for. Long form: ``spec...``, and
    ``status.adapters[validation].available``, for which each adapter's name is a variable holding itself.
    Of a pull secret only its being there can be seen.
    """
    cluster = entry.cluster
    dependencies = {name: find_first(entry.document, at) for name, at in where.dependencies.items()}
    environment: dict[str, Any] = dict(entry.document)
    environment.update({name: name for name in dependencies})
    environment.update({f"{name}Status": status for name, status in dependencies.items()})
    environment["status"] = _with_adapters(entry.document.get("status"), dependencies)
    environment.update(
        cloudProvider=cluster.provider,
        gcpProjectId=cluster.project,
        pullSecretData=None if cluster.pull_secret is None else REDACTED,
        generation=cluster.generation,
        region=find_first(entry.document, where.region),
        namespace=cluster.namespace,
    )
    environment.update(event_environment(event))
    return environment


def _with_adapters(status: object, dependencies: Mapping[str, object]) -> dict[str, Any]:
    known = dict(status) if isinstance(status, Mapping) else {}
    # Today's API has no such map; the design's expressions read it, so it is made from what is there.
    known.setdefault("adapters", {name: {"available": value} for name, value in dependencies.items()})
    return known
