"""A job and its temporary secret as Kubernetes objects (DDR phase 3, AC8)."""

import base64
from typing import Any, Final

from pullsecret.domain.jobs import AnyOrder
from pullsecret.domain.names import temporary_secret_name
from pullsecret.domain.provisioning import ProvisionOrder
from pullsecret.infrastructure.job_process.exit_code import ExitCode
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import Object
from pullsecret.infrastructure.kubernetes.job_settings import (
    IDENTITY_FOLDER,
    PAYLOAD_FOLDER,
    JobSettings,
)
from pullsecret.infrastructure.kubernetes.job_variables import PAYLOAD_KEY, variables_of
from pullsecret.infrastructure.kubernetes.order_annotations import annotations_of

CONTAINER: Final = "pullsecret"
JOB_USER: Final = 1000
_IDENTITY_TOKEN_SECONDS: Final = 3600


def temporary_secret(order: AnyOrder, settings: JobSettings) -> Object:
    """The secret that holds the payload, if the job has one, until the job has ended.

    One per cluster: its name is the lock, so there is one for a clean-up too, with nothing in it.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": temporary_secret_name(order.key.cluster_id),
            "namespace": settings.namespace,
            "labels": marks.labels_of(order.key.cluster_id) | {marks.JOB_LABEL: order.key.name},
            "annotations": annotations_of(order),
        },
        "type": "Opaque",
        "data": (
            {PAYLOAD_KEY: base64.b64encode(order.pull_secret.reveal()).decode()}
            if isinstance(order, ProvisionOrder)
            else {}
        ),
    }


def job(order: AnyOrder, payload_uid: str, settings: JobSettings) -> Object:
    """The job, suspended. Its pod passes the ``restricted`` Pod Security level."""
    labels = marks.labels_of(order.key.cluster_id)
    annotations = annotations_of(order)
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


def _pod(order: AnyOrder, settings: JobSettings) -> Object:
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


def _container(order: AnyOrder, settings: JobSettings) -> Object:
    mounts: list[Object] = []
    if isinstance(order, ProvisionOrder):
        mounts.append({"name": "payload", "mountPath": PAYLOAD_FOLDER, "readOnly": True})
    if settings.identity_audience:
        mounts.append({"name": "identity", "mountPath": IDENTITY_FOLDER, "readOnly": True})
    environment = dict(settings.extra_environment) | variables_of(order, settings)
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


def _volumes(order: AnyOrder, settings: JobSettings) -> list[Object]:
    volumes: list[Object] = []
    if isinstance(order, ProvisionOrder):
        payload = {
            "secretName": temporary_secret_name(order.key.cluster_id),
            "defaultMode": 0o440,
            "items": [{"key": PAYLOAD_KEY, "path": PAYLOAD_KEY}],
        }
        volumes.append({"name": "payload", "secret": payload})
    if settings.identity_audience:
        token = {
            "path": "token",
            "audience": settings.identity_audience,
            "expirationSeconds": _IDENTITY_TOKEN_SECONDS,
        }
        volumes.append({"name": "identity", "projected": {"sources": [{"serviceAccountToken": token}]}})
    return volumes
