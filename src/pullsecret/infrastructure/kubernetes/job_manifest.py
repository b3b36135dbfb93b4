"""A job and its temporary secret as Kubernetes objects (DDR phase 3, AC8)."""

import base64
import json
from typing import Any, Final

from pullsecret.domain.names import temporary_secret_name
from pullsecret.domain.provisioning import ProvisionOrder, ProvisionTarget
from pullsecret.infrastructure.job_process.exit_code import ExitCode
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import Object
from pullsecret.infrastructure.kubernetes.job_settings import (
    IDENTITY_FOLDER,
    IDENTITY_TOKEN_FILE,
    PAYLOAD_FOLDER,
    JobSettings,
)

PAYLOAD_KEY: Final = "pull-secret.json"
CONTAINER: Final = "pullsecret"
JOB_USER: Final = 1000
_IDENTITY_TOKEN_SECONDS: Final = 3600


def temporary_secret(order: ProvisionOrder, settings: JobSettings) -> Object:
    """The secret that holds the payload until the job has ended. One per cluster: its name is the lock."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": temporary_secret_name(order.target.cluster_id),
            "namespace": settings.namespace,
            "labels": marks.labels_of(order.target.cluster_id) | {marks.JOB_LABEL: order.key.name},
            "annotations": _order_annotations(order),
        },
        "type": "Opaque",
        "data": {PAYLOAD_KEY: base64.b64encode(order.pull_secret.reveal()).decode()},
    }


def job(order: ProvisionOrder, payload_uid: str, settings: JobSettings) -> Object:
    """The job, suspended. Its pod passes the ``restricted`` Pod Security level."""
    labels = marks.labels_of(order.target.cluster_id)
    annotations = _order_annotations(order)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": order.key.name,
            "namespace": settings.namespace,
            "labels": labels,
            "annotations": annotations | {marks.PAYLOAD_UID: payload_uid},
            "finalizers": [marks.REPORT_FINALIZER],
        },
        "spec": {
            "suspend": True,
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": settings.backoff_limit,
            # Two pods of one job never run at once, also while the first is being stopped.
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _failure_rules()},
            "activeDeadlineSeconds": settings.times.deadline,
            "ttlSecondsAfterFinished": settings.times.retention,
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": _pod(order, settings),
            },
        },
    }


def _failure_rules() -> list[Object]:
    return [
        # An eviction, a preemption or a drained node says nothing about the job.
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {
            "action": "FailJob",
            "onExitCodes": {
                "containerName": CONTAINER,
                "operator": "In",
                "values": sorted({ExitCode.PERMANENT, ExitCode.WRONG_CONFIGURATION}),
            },
        },
    ]


def _pod(order: ProvisionOrder, settings: JobSettings) -> Object:
    optional: dict[str, Any] = {
        "priorityClassName": settings.priority_class,
        "nodeSelector": dict(settings.node_selector),
        "tolerations": list(settings.tolerations),
        "topologySpreadConstraints": list(settings.topology_spread),
    }
    return {
        "restartPolicy": "Never",
        "serviceAccountName": settings.service_account,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": JOB_USER,
            "runAsGroup": JOB_USER,
            "fsGroup": JOB_USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(order, settings)],
        "volumes": _volumes(order, settings),
    } | {name: value for name, value in optional.items() if value}


def _container(order: ProvisionOrder, settings: JobSettings) -> Object:
    mounts = [{"name": "payload", "mountPath": PAYLOAD_FOLDER, "readOnly": True}]
    if settings.identity_audience:
        mounts.append({"name": "identity", "mountPath": IDENTITY_FOLDER, "readOnly": True})
    environment = dict(settings.extra_environment) | _environment(order, settings)
    return {
        "name": CONTAINER,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": list(settings.command),
        "env": [
            *({"name": name, "value": value} for name, value in environment.items()),
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        ],
        "volumeMounts": mounts,
        "terminationMessagePolicy": "File",
        "securityContext": {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"requests": dict(settings.requests), "limits": dict(settings.limits)},
    }


def _environment(order: ProvisionOrder, settings: JobSettings) -> dict[str, str]:
    """The design's variables; the payload itself is only ever named by its file."""
    target = order.target
    variables = {
        "CLUSTER_ID": target.cluster_id.value,
        "GENERATION": str(target.generation),
        "ATTEMPT": str(order.attempt),
        "GCP_PROJECT_ID": target.cloud_secret.project,
        "SECRET_NAME": target.cloud_secret.name,
        "MANAGEMENT_NAMESPACE": target.cluster_secret.namespace,
        "PULL_SECRET_FILE": f"{PAYLOAD_FOLDER}/{PAYLOAD_KEY}",
        "POD_SERVICE_ACCOUNT": settings.service_account,
    }
    if settings.identity_audience:
        variables["GCP_IDENTITY_FILE"] = IDENTITY_TOKEN_FILE
    if settings.protect_cluster_secrets:
        variables["PROTECT_CLUSTER_SECRET"] = "true"  # noqa: S105 - a flag
    if settings.create_namespaces:
        variables["CREATE_NAMESPACE"] = "true"
    if target.storage.replica_locations:
        variables["REPLICA_LOCATIONS"] = ",".join(target.storage.replica_locations)
    if target.storage.encryption_keys:
        variables["ENCRYPTION_KEYS"] = ",".join(target.storage.encryption_keys)
    if order.trace:
        variables["TRACEPARENT"] = order.trace.traceparent
        if order.trace.tracestate:
            variables["TRACESTATE"] = order.trace.tracestate
    return variables


def _volumes(order: ProvisionOrder, settings: JobSettings) -> list[Object]:
    payload = {
        "secretName": temporary_secret_name(order.target.cluster_id),
        "defaultMode": 0o440,
        "items": [{"key": PAYLOAD_KEY, "path": PAYLOAD_KEY}],
    }
    volumes: list[Object] = [{"name": "payload", "secret": payload}]
    if settings.identity_audience:
        token = {
            "path": "token",
            "audience": settings.identity_audience,
            "expirationSeconds": _IDENTITY_TOKEN_SECONDS,
        }
        volumes.append({"name": "identity", "projected": {"sources": [{"serviceAccountToken": token}]}})
    return volumes


def _order_annotations(order: ProvisionOrder) -> dict[str, str]:
    return _target_annotations(order.target) | {marks.ATTEMPT: str(order.attempt)}


def _target_annotations(target: ProvisionTarget) -> dict[str, str]:
    annotations = {
        marks.CLUSTER_ID: target.cluster_id.value,
        marks.GENERATION: str(target.generation),
        marks.PROJECT: target.cloud_secret.project,
        marks.CLOUD_SECRET: target.cloud_secret.name,
        marks.NAMESPACE: target.cluster_secret.namespace,
        marks.CLUSTER_SECRET: target.cluster_secret.name,
    }
    if target.storage.replica_locations:
        annotations[marks.REPLICA_LOCATIONS] = json.dumps(target.storage.replica_locations)
    if target.storage.encryption_keys:
        annotations[marks.ENCRYPTION_KEYS] = json.dumps(target.storage.encryption_keys)
    return annotations
