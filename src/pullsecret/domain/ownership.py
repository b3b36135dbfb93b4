"""Whose secret is it? Decided from labels before anything is read or written (DDR risk 4)."""

from collections.abc import Mapping
from enum import Enum

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cluster_label

MANAGED_BY_LABEL = "managed-by"
MANAGED_BY = "hyperfleet"
CLUSTER_LABEL = "cluster-id"


class Decision(Enum):
    """What to do about a secret that should be ours."""

    CREATE = "create"
    """There is none."""
    UNCHANGED = "unchanged"
    """It is ours and says so."""
    ADOPT = "adopt"
    """HyperFleet made it but no cluster is named on it: name this one first, then use it."""
    REFUSE = "refuse"
    """It is somebody else's, or another cluster's: neither read nor write it."""


def ownership_labels(cluster_id: ClusterId) -> dict[str, str]:
    """The labels that every secret of this cluster carries, in Google Cloud and in Kubernetes."""
    return {MANAGED_BY_LABEL: MANAGED_BY, CLUSTER_LABEL: cluster_label(cluster_id)}


def decide(labels: Mapping[str, str] | None, cluster_id: ClusterId) -> Decision:
    """Decide about a secret with these labels; None means that there is no secret."""
    if labels is None:
        return Decision.CREATE
    if labels.get(MANAGED_BY_LABEL) != MANAGED_BY:
        return Decision.REFUSE
    owner = labels.get(CLUSTER_LABEL)
    if owner is None:
        return Decision.ADOPT
    return Decision.UNCHANGED if owner == cluster_label(cluster_id) else Decision.REFUSE


def describe_owner(labels: Mapping[str, str]) -> str:
    """Say in words who the labels name as the owner."""
    manager = labels.get(MANAGED_BY_LABEL)
    if manager is None:
        return f"it carries no {MANAGED_BY_LABEL} label"
    if manager != MANAGED_BY:
        return f"it is managed by '{manager}'"
    return f"it belongs to the cluster labelled '{labels.get(CLUSTER_LABEL, '')}'"
