"""Reads a cluster out of the HyperFleet API's JSON, wherever a dialect keeps each value."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import attrs

from pullsecret.domain.cluster import Cluster, StoragePolicy
from pullsecret.domain.document_path import DocumentPath
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import ClusterId, Generation, generation
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_payload import REDACTED, SecretPayload

Paths = tuple[DocumentPath, ...]
"""Places of one value; the first that holds something counts."""


def paths(*texts: str) -> Paths:
    """The paths written as ``texts``."""
    return tuple(DocumentPath(text) for text in texts)


_ID = paths("id")
"""The same in either dialect."""


@attrs.define(eq=False, slots=False)
class UnreadableClusterError(PermanentError):
    """A value in the document is of the wrong kind (``InvalidCluster``)."""

    generation: Generation | None = None
    """Of which generation the document is, as far as that can be read."""


@attrs.frozen
class ClusterDocumentPaths:
    """Where each value is. In today's dialect the adapters' statuses stand beside the cluster's own keys,
    under ``statuses``."""

    provider: Paths
    project: Paths
    region: Paths
    pull_secret: Paths
    secret_name: Paths
    namespace: Paths
    deleting: Paths
    replica_locations: Paths
    encryption_keys: Paths
    dependencies: Mapping[str, Paths]
    """For each adapter waited for, where its ``"True"`` stands."""


DDR_PATHS = ClusterDocumentPaths(
    provider=paths("spec.provider"),
    project=paths("spec.gcp.projectId"),
    region=paths("spec.gcp.region", "spec.region"),
    pull_secret=paths("spec.pullSecret.data"),
    secret_name=paths("spec.pullSecret.secretName"),
    namespace=paths("status.adapters.placement.data.namespace", "status.adapters.placement.namespace"),
    deleting=paths("deletedTime", "deleted_time"),
    replica_locations=paths("spec.pullSecret.replicaLocations", "spec.gcp.replicaLocations"),
    encryption_keys=paths("spec.pullSecret.encryptionKeys", "spec.gcp.encryptionKeys"),
    dependencies={
        name: paths(f"status.adapters.{name}.available") for name in ("validation", "dns", "placement")
    },
)
"""The design document's cluster (DDR phase 2)."""

V1_PATHS = ClusterDocumentPaths(
    provider=paths("spec.platform.type", "spec.provider"),
    project=paths("spec.platform.gcp.projectID", "spec.gcp.projectId"),
    region=paths("spec.platform.gcp.region", "spec.gcp.region", "spec.region"),
    pull_secret=paths("spec.pullSecret.data"),
    secret_name=paths("spec.pullSecret.secretName"),
    namespace=paths(
        "statuses[adapter=placement].data.namespace.name", "statuses[adapter=placement].data.namespace"
    ),
    deleting=paths("deleted_time"),
    replica_locations=paths("spec.pullSecret.replicaLocations", "spec.platform.gcp.replicaLocations"),
    encryption_keys=paths("spec.pullSecret.encryptionKeys", "spec.platform.gcp.encryptionKeys"),
    dependencies={
        name: paths(f"status.conditions[type={name.capitalize()}Successful].status")
        for name in ("validation", "dns", "placement")
    },
)
"""Today's HyperFleet API, v1."""


def read_cluster(
    document: Mapping[str, Any], where: ClusterDocumentPaths
) -> tuple[Cluster, Mapping[str, Any]]:
    """Return the cluster, and the document with the pull secret replaced by a fixed word.

    Values that are not there become None: the preconditions decide about them. So do those of the wrong kind
    where the cluster is being deleted: nothing was ever written with them, and nobody will correct them.
    Raises :class:`UnreadableClusterError` naming the path of one in any other cluster, and
    :class:`PermanentError` (``InvalidCluster``) for an unusable id or generation.
    """
    document = sealed(document, where)
    deleted = find_first(document, where.deleting)
    strict = not deleted
    cluster = Cluster(
        id=ClusterId(_text(document, _ID) or ""),
        generation=generation(document.get("generation")),
        provider=_text(document, where.provider, strict),
        project=_text(document, where.project, strict),
        pull_secret=_payload(document, where.pull_secret),
        secret_name=_text(document, where.secret_name, strict),
        namespace=_text(document, where.namespace, strict),
        storage=StoragePolicy(
            _texts(document, where.replica_locations, strict),
            _texts(document, where.encryption_keys, strict),
        ),
        deleting=bool(deleted),
        deleted_at=_time(deleted),
    )
    return cluster, redacted(document, where)


def sealed(document: Mapping[str, Any], where: ClusterDocumentPaths) -> Mapping[str, Any]:
    """The document with each pull secret in it moved into the type that never shows it.

    Whoever receives a document seals it before anything else looks at it; :func:`read_cluster` reads a sealed
    one like any other. Whatever stands there is sealed; what is no pull secret is refused when validated.
    """
    for path in where.pull_secret:
        document = path.replaced(document, _payload(document, (path,)))
    return document


def redacted(document: Mapping[str, Any], where: ClusterDocumentPaths) -> Mapping[str, Any]:
    """The document with a fixed word wherever a pull secret may stand."""
    for path in where.pull_secret:
        document = path.replaced(document, REDACTED)
    return document


def find_first(document: Mapping[str, Any], places: Paths) -> Any:
    """The value at the first of ``places`` that holds something; None if none does."""
    return _first(document, places)[1]


def _first(document: Mapping[str, Any], places: Paths) -> tuple[DocumentPath | None, Any]:
    for path in places:
        value = path.find(document)
        if value is not None:
            return path, value
    return None, None


def _text(document: Mapping[str, Any], places: Paths, strict: bool = True) -> str | None:
    path, value = _first(document, places)
    if value is None or isinstance(value, str):
        return value or None
    if strict:
        raise _wrong(document, path, "text")
    return None


def _texts(document: Mapping[str, Any], places: Paths, strict: bool) -> tuple[str, ...]:
    path, value = _first(document, places)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if strict and value is not None:
        raise _wrong(document, path, "a list of texts")
    return ()


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _payload(document: Mapping[str, Any], places: Paths) -> SecretPayload | None:
    value = find_first(document, places)
    if value is None or value == "":
        return None
    if isinstance(value, SecretPayload):
        return value
    if isinstance(value, str):
        # Lone surrogates cannot be UTF-8; kept as bytes they are refused by the validation, with a reason.
        return SecretPayload(value.encode(errors="surrogatepass"))
    return SecretPayload(json.dumps(value, separators=(",", ":")).encode())


def _wrong(document: Mapping[str, Any], path: DocumentPath | None, wanted: str) -> UnreadableClusterError:
    known = None
    with suppress(PermanentError):
        known = generation(document.get("generation"))
    return UnreadableClusterError(
        "read-cluster",
        f"cluster {document.get('id')!r:.80}",
        Reason.INVALID_CLUSTER,
        f"The value at {path} is not {wanted}.",
        f"Correct {path} in the cluster.",
        generation=known,
    )
