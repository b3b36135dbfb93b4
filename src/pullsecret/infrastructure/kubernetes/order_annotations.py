"""What our Jobs and their Secrets carry of the order they are for, as annotations."""

import json
from collections.abc import Mapping
from datetime import datetime

from pullsecret.domain.clean_up import CleanUpKey, CleanUpOrder, Deletion, Remains
from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.events import TraceContext
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.jobs import AnyOrder
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, ProvisionTarget
from pullsecret.infrastructure.job_process.environment import Purpose
from pullsecret.infrastructure.job_process.places import (
    cloud_secrets_text,
    cluster_secrets_text,
    read_cloud_secrets,
    read_cluster_secrets,
)
from pullsecret.infrastructure.kubernetes import marks


def annotations_of(order: AnyOrder) -> dict[str, str]:
    """Everything about ``order`` but its payload."""
    common = {
        marks.CLUSTER_ID: order.key.cluster_id.value,
        marks.GENERATION: str(order.key.generation),
        marks.ATTEMPT: str(order.key.attempt),
    }
    if order.trace is not None:
        common[marks.TRACEPARENT] = order.trace.traceparent
        if order.trace.tracestate:
            common[marks.TRACESTATE] = order.trace.tracestate
    if isinstance(order, CleanUpOrder):
        return common | _of_clean_up(order)
    return common | _of_target(order.target)


def purpose_of(annotations: Mapping[str, str]) -> Purpose:
    """What the object is for; one that does not say so is from before there were clean-ups."""
    return Purpose(annotations.get(marks.PURPOSE, Purpose.PROVISION.value))


def attempt_of(annotations: Mapping[str, str]) -> int:
    """Which attempt the object is for."""
    return int(annotations[marks.ATTEMPT])


def trace_of(annotations: Mapping[str, str]) -> TraceContext | None:
    """The order's trace, if it had one."""
    traceparent = annotations.get(marks.TRACEPARENT)
    return TraceContext(traceparent, annotations.get(marks.TRACESTATE)) if traceparent else None


def target_of(annotations: Mapping[str, str]) -> ProvisionTarget:
    """The target of a provisioning. Raises KeyError, ValueError or PermanentError if they are not ours."""
    return ProvisionTarget(
        ClusterId(annotations[marks.CLUSTER_ID]),
        Generation(int(annotations[marks.GENERATION])),
        CloudSecretRef(annotations[marks.PROJECT], annotations[marks.CLOUD_SECRET]),
        ClusterSecretRef(annotations[marks.NAMESPACE], annotations[marks.CLUSTER_SECRET]),
        StoragePolicy(
            _names(annotations, marks.REPLICA_LOCATIONS),
            _names(annotations, marks.ENCRYPTION_KEYS),
        ),
        read_cloud_secrets(annotations.get(marks.EARLIER_SECRETS, "")),
    )


def clean_up_order_of(annotations: Mapping[str, str]) -> CleanUpOrder:
    """The order of a clean-up. Raises as :func:`target_of` does."""
    give_up_at = annotations.get(marks.GIVE_UP_AT)
    return CleanUpOrder(
        CleanUpKey(
            ClusterId(annotations[marks.CLUSTER_ID]),
            Generation(int(annotations[marks.GENERATION])),
            attempt_of(annotations),
        ),
        Remains(
            read_cloud_secrets(annotations[marks.CLOUD_SECRETS]),
            read_cluster_secrets(annotations[marks.CLUSTER_SECRETS]),
        ),
        Deletion(annotations[marks.STORED_SECRET]),
        None if give_up_at is None else datetime.fromisoformat(give_up_at),
        trace_of(annotations),
    )


def _names(annotations: Mapping[str, str], mark: str) -> tuple[str, ...]:
    """Raises ValueError if the annotation is there and is no list of names."""
    try:
        names = json.loads(annotations.get(mark, "[]"))
    except RecursionError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{mark} is no list of names")
    return tuple(names)


def _of_target(target: ProvisionTarget) -> dict[str, str]:
    annotations = {
        marks.PROJECT: target.cloud_secret.project,
        marks.CLOUD_SECRET: target.cloud_secret.name,
        marks.NAMESPACE: target.cluster_secret.namespace,
        marks.CLUSTER_SECRET: target.cluster_secret.name,
    }
    if target.storage.replica_locations:
        annotations[marks.REPLICA_LOCATIONS] = json.dumps(target.storage.replica_locations)
    if target.storage.encryption_keys:
        annotations[marks.ENCRYPTION_KEYS] = json.dumps(target.storage.encryption_keys)
    if target.earlier:
        annotations[marks.EARLIER_SECRETS] = cloud_secrets_text(Remains(target.earlier))
    return annotations


def _of_clean_up(order: CleanUpOrder) -> dict[str, str]:
    annotations = {
        marks.PURPOSE: Purpose.CLEAN_UP.value,
        marks.CLOUD_SECRETS: cloud_secrets_text(order.places),
        marks.CLUSTER_SECRETS: cluster_secrets_text(order.places),
        marks.STORED_SECRET: order.stored_secret.value,
    }
    if order.give_up_at is not None:
        annotations[marks.GIVE_UP_AT] = order.give_up_at.isoformat()
    return annotations
