"""What a cluster secret's metadata tells without its payload: whose it is, whether it is as we wrote it."""

from collections.abc import Sequence
from typing import Any, Final

import attrs

from pullsecret.domain.cluster_secret import (
    CLUSTER_ANNOTATION,
    CREATED_AT_ANNOTATION,
    DOCKER_CONFIG_KEY,
    GENERATION_ANNOTATION,
    SECRET_PATH_ANNOTATION,
    VERSION_ANNOTATION,
    noted_number,
)
from pullsecret.domain.drift import DriftKind
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cluster_secret_name
from pullsecret.domain.ownership import CLUSTER_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from pullsecret.domain.provisioning import ClusterSecretRef
from pullsecret.infrastructure.kubernetes.api import Object
from pullsecret.infrastructure.kubernetes.field_ownership import applies
from pullsecret.infrastructure.kubernetes.marks import APP, APP_LABEL

FIELD_MANAGER: Final = "pullsecret"
PROTECTION: Final = "pullsecret.hyperfleet.io/protection"
"""The finalizer of a protected cluster secret."""

CLUSTER_SECRETS: Final = f"{MANAGED_BY_LABEL}={MANAGED_BY},{CLUSTER_LABEL},{APP_LABEL}!={APP}"
"""Selects the cluster secrets, and not the temporary ones."""

_OURS: Final[Sequence[Sequence[str]]] = (
    ("f:data", f"f:{DOCKER_CONFIG_KEY}"),
    ("f:type",),
    ("f:metadata", "f:labels", f"f:{MANAGED_BY_LABEL}"),
    ("f:metadata", "f:labels", f"f:{CLUSTER_LABEL}"),
    *(
        ("f:metadata", "f:annotations", f"f:{name}")
        for name in (CLUSTER_ANNOTATION, GENERATION_ANNOTATION, SECRET_PATH_ANNOTATION, VERSION_ANNOTATION)
    ),
)


@attrs.frozen
class PublishedMetadata:
    """One cluster secret, as far as its metadata tells."""

    cluster_id: ClusterId
    ref: ClusterSecretRef
    generation: int
    """0 where none is noted."""
    version: str
    """Empty where none is noted."""
    path: str
    """``projects/.../versions/N``: the stored version it holds."""
    created_at: str
    drift: DriftKind | None


def published_metadata(found: Object) -> PublishedMetadata | None:
    """Read an object's metadata with ``managedFields``; None if it is no cluster secret of ours.

    Kubernetes notes for each field who wrote it last. If we no longer are that for a field of ours, its value
    was changed: no payload has to be read, or kept, to see it.
    """
    metadata = found["metadata"]
    annotations: dict[str, Any] = metadata.get("annotations") or {}
    ref = ClusterSecretRef(metadata["namespace"], metadata["name"])
    try:
        cluster_id = ClusterId(annotations[CLUSTER_ANNOTATION])
    except (KeyError, PermanentError):
        return None
    if ref.name != cluster_secret_name(cluster_id):
        return None
    return PublishedMetadata(
        cluster_id,
        ref,
        int(noted_number(annotations, GENERATION_ANNOTATION) or 0),
        noted_number(annotations, VERSION_ANNOTATION),
        annotations.get(SECRET_PATH_ANNOTATION, ""),
        annotations.get(CREATED_AT_ANNOTATION, ""),
        _drift(found),
    )


def _drift(found: Object) -> DriftKind | None:
    if "deletionTimestamp" in found["metadata"]:
        return DriftKind.DELETING
    return None if all(applies(found, FIELD_MANAGER, field) for field in _OURS) else DriftKind.ALTERED
