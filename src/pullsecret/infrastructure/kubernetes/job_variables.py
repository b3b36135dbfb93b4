"""The variables that a Job's pod is given; ``job_process/environment.py`` reads them back."""

from typing import Final

from pullsecret.domain.clean_up import CleanUpOrder, Remains
from pullsecret.domain.jobs import AnyOrder
from pullsecret.domain.provisioning import ProvisionOrder
from pullsecret.infrastructure.job_process.environment import Purpose
from pullsecret.infrastructure.job_process.places import cloud_secrets_text, cluster_secrets_text
from pullsecret.infrastructure.kubernetes.job_settings import (
    IDENTITY_TOKEN_FILE,
    PAYLOAD_FOLDER,
    JobSettings,
)

PAYLOAD_KEY: Final = "pull-secret.json"


def variables_of(order: AnyOrder, settings: JobSettings) -> dict[str, str]:
    """The design's variables; the payload itself is only ever named by its file."""
    variables = {
        "CLUSTER_ID": order.key.cluster_id.value,
        "GENERATION": str(order.key.generation),
        "ATTEMPT": str(order.key.attempt),
        "POD_SERVICE_ACCOUNT": settings.service_account,
    }
    if settings.identity_audience:
        variables["GCP_IDENTITY_FILE"] = IDENTITY_TOKEN_FILE
    if order.trace:
        variables["TRACEPARENT"] = order.trace.traceparent
        if order.trace.tracestate:
            variables["TRACESTATE"] = order.trace.tracestate
    if isinstance(order, CleanUpOrder):
        return variables | _of_clean_up(order)
    return variables | _of_provisioning(order, settings)


def _of_provisioning(order: ProvisionOrder, settings: JobSettings) -> dict[str, str]:
    target = order.target
    variables = {
        "GCP_PROJECT_ID": target.cloud_secret.project,
        "SECRET_NAME": target.cloud_secret.name,
        "MANAGEMENT_NAMESPACE": target.cluster_secret.namespace,
        "PULL_SECRET_FILE": f"{PAYLOAD_FOLDER}/{PAYLOAD_KEY}",
    }
    if settings.protect_cluster_secrets:
        variables["PROTECT_CLUSTER_SECRET"] = "true"  # noqa: S105 - a flag
    if settings.create_namespaces:
        variables["CREATE_NAMESPACE"] = "true"
    if target.storage.replica_locations:
        variables["REPLICA_LOCATIONS"] = ",".join(target.storage.replica_locations)
    if target.storage.encryption_keys:
        variables["ENCRYPTION_KEYS"] = ",".join(target.storage.encryption_keys)
    if target.earlier:
        variables["EARLIER_SECRETS"] = cloud_secrets_text(Remains(target.earlier))
    return variables


def _of_clean_up(order: CleanUpOrder) -> dict[str, str]:
    variables = {
        "PURPOSE": Purpose.CLEAN_UP.value,
        "GCP_PROJECT_ID": order.places.project,
        "CLOUD_SECRETS": cloud_secrets_text(order.places),
        "CLUSTER_SECRETS": cluster_secrets_text(order.places),
        "STORED_SECRET": order.stored_secret.value,
    }
    if order.give_up_at is not None:
        variables["GIVE_UP_AT"] = order.give_up_at.isoformat()
    return variables
