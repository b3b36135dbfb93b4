"""Valid values for tests, each different from the last."""

import uuid
from datetime import UTC, datetime

from pullsecret.domain.clean_up import CleanUpKey, CleanUpOrder, Deletion, Remains
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.names import cloud_secret_name, cluster_secret_name
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    ProvisionOrder,
    ProvisionTarget,
)
from pullsecret.domain.pull_secret import PullSecret
from pullsecret.testing.pull_secrets import CANARY, pull_secret_text

__all__ = [
    "CANARY",
    "new_clean_up",
    "new_cluster_id",
    "new_order",
    "new_pull_secret",
    "new_target",
    "pull_secret_text",
]


def new_cluster_id() -> ClusterId:
    """A cluster id never given before."""
    return ClusterId(f"cls-{uuid.uuid4().hex[:10]}")


def new_pull_secret() -> PullSecret:
    """A valid pull secret unlike any before."""
    return PullSecret(pull_secret_text().encode())


def new_target(
    cluster_id: ClusterId | None = None,
    generation: int = 1,
    project: str = "customer-project",
    namespace: str | None = None,
) -> ProvisionTarget:
    """A target as the service would name it."""
    cluster_id = cluster_id or new_cluster_id()
    return ProvisionTarget(
        cluster_id,
        Generation(generation),
        CloudSecretRef(project, cloud_secret_name(cluster_id)),
        ClusterSecretRef(namespace or f"clusters-{cluster_id}", cluster_secret_name(cluster_id)),
    )


def new_order(
    cluster_id: ClusterId | None = None,
    generation: int = 1,
    attempt: int = 1,
    project: str = "customer-project",
) -> ProvisionOrder:
    """An order with a payload of its own."""
    return ProvisionOrder(new_target(cluster_id, generation, project), new_pull_secret(), attempt)


def new_clean_up(cluster_id: ClusterId | None = None, generation: int = 1, attempt: int = 1) -> CleanUpOrder:
    """An order to clean up where the service would have put a cluster's secrets, and in an older place."""
    target = new_target(cluster_id)
    older = new_target(target.cluster_id, project="older-project", namespace="older-namespace")
    return CleanUpOrder(
        CleanUpKey(target.cluster_id, Generation(generation), attempt),
        Remains((target.cloud_secret, older.cloud_secret), (target.cluster_secret, older.cluster_secret)),
        Deletion.RETAIN,
        datetime(2026, 1, 1, 12, tzinfo=UTC),
    )
