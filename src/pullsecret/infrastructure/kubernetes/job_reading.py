"""What Kubernetes knows of a job, in the service's own terms."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Failure,
    Finished,
    Job,
    JobKey,
    ProvisionResult,
    ProvisionTarget,
    Queued,
    Running,
)
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Stage
from pullsecret.infrastructure.job_process.termination_message import decode_result
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import Object

JOB_UID_LABEL: Final = "batch.kubernetes.io/controller-uid"
"""On a pod: the job it belongs to."""

_IMAGE_PROBLEMS: Final = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
)
_WAITING_AS_USUAL: Final = ("ContainerCreating", "PodInitializing")


def job_of(found: Object, result: ProvisionResult | None = None) -> Job:
    """The job. ``result`` is that of an ended one, unless it is noted on it."""
    metadata = found["metadata"]
    target = target_of(metadata["annotations"])
    key = JobKey(target.cluster_id, target.generation, int(metadata["annotations"][marks.ATTEMPT]))
    state: Queued | Running | Finished
    if (ended := ended_at(found)) is not None:
        known = result or noted_result(found) or result_of(found, ())
        state = Finished(known, ended, marks.REPORTED_LABEL in metadata["labels"])
    else:
        state = Queued() if found["spec"].get("suspend") else Running()
    retry_asked = marks.RETRY in metadata["annotations"]
    return Job(key, target, state, time_of(metadata["creationTimestamp"]), retry_asked)


def target_of(annotations: dict[str, str]) -> ProvisionTarget:
    """The target that an object of ours names in its annotations."""
    return ProvisionTarget(
        ClusterId(annotations[marks.CLUSTER_ID]),
        Generation(int(annotations[marks.GENERATION])),
        CloudSecretRef(annotations[marks.PROJECT], annotations[marks.CLOUD_SECRET]),
        ClusterSecretRef(annotations[marks.NAMESPACE], annotations[marks.CLUSTER_SECRET]),
        StoragePolicy(
            tuple(json.loads(annotations.get(marks.REPLICA_LOCATIONS, "[]"))),
            tuple(json.loads(annotations.get(marks.ENCRYPTION_KEYS, "[]"))),
        ),
    )


def ended_at(found: Object) -> datetime | None:
    """When the job ended; None while it is queued or runs.

    A job that somebody deleted has ended as soon as none of its pods runs: no other will be started.
    """
    status = found.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return time_of(status.get("completionTime") or condition["lastTransitionTime"])
    deleted = found["metadata"].get("deletionTimestamp")
    return time_of(deleted) if deleted and not status.get("active") else None


def noted_result(found: Object) -> ProvisionResult | None:
    """The result that a replica noted on the job when it took it up."""
    noted = found["metadata"]["annotations"].get(marks.RESULT)
    if noted is None:
        return None
    try:
        return decode_result(noted)
    except ValueError:
        return _lost(Reason.JOB_LOST, "The result noted on the job cannot be read.")


def result_of(found: Object, pods: Iterable[Object]) -> ProvisionResult:
    """What an ended job did: its own words from its newest pod, else what can be told from outside."""
    ended = sorted((pod for pod in pods if has_ended(pod)), key=_finish_order)
    for pod in reversed(ended):
        message = _terminated(pod).get("message")
        if message:
            try:
                return decode_result(message)
            except ValueError:
                break
    return _result_from_outside(found, ended[-1] if ended else None)


def pod_problem(pod: Object) -> str | None:
    """Why the pod has not started, as ``reason: message``; None if nothing is wrong with it."""
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason", "") not in ("", *_WAITING_AS_USUAL):
            return f"{waiting['reason']}: {waiting.get('message', '')}"
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', 'Unschedulable')}: {condition.get('message', '')}"
    return None


def time_of(text: str) -> datetime:
    """A Kubernetes time: RFC 3339, UTC, whole seconds."""
    return datetime.fromisoformat(text)


def _result_from_outside(found: Object, pod: Object | None) -> ProvisionResult:
    problem = found["metadata"]["annotations"].get(marks.POD_PROBLEM, "")
    if problem.startswith(_IMAGE_PROBLEMS):
        return _lost(Reason.IMAGE_PULL_FAILED, problem)
    if pod is not None and _evicted(pod):
        return _lost(Reason.JOB_EVICTED, pod["status"].get("message") or "The pod was evicted.")
    if pod is not None and _terminated(pod).get("reason") == "OOMKilled":
        return _lost(Reason.JOB_OUT_OF_MEMORY, "The pod was killed for using more than its memory limit.")
    if _failure_reason(found) == "DeadlineExceeded":
        seconds = found["spec"].get("activeDeadlineSeconds")
        waited = f" Its pod could not start: {problem}" if problem else ""
        return _lost(Reason.JOB_TIMED_OUT, f"The job did not end within {seconds} s.{waited}")
    if pod is None:
        deleted = "The job was deleted" if "deletionTimestamp" in found["metadata"] else "Its pod is gone"
        return _lost(Reason.JOB_LOST, f"{deleted}; what it did is not known.")
    code = _terminated(pod).get("exitCode")
    return _lost(Reason.JOB_LOST, f"The pod ended with exit code {code} and said nothing.")


def _lost(reason: Reason, message: str) -> ProvisionResult:
    return ProvisionResult(stage=Stage.STARTED, failure=Failure(reason, f"{message} {reason.remedy}"))


def _failure_reason(found: Object) -> str | None:
    for condition in (found.get("status") or {}).get("conditions") or []:
        if condition["type"] == "Failed":
            return str(condition.get("reason"))
    return None


def has_ended(pod: Object) -> bool:
    """True once the pod's containers will not run again."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _finish_order(pod: Object) -> tuple[str, str]:
    return _terminated(pod).get("finishedAt", ""), pod["metadata"]["creationTimestamp"]


def _terminated(pod: Object) -> Object:
    for container in pod["status"].get("containerStatuses") or []:
        terminated: Object | None = (container.get("state") or {}).get("terminated")
        if terminated:
            return terminated
    return {}


def _evicted(pod: Object) -> bool:
    if pod["status"].get("reason") == "Evicted":
        return True
    conditions = pod["status"].get("conditions") or []
    return any(entry["type"] == "DisruptionTarget" and entry["status"] == "True" for entry in conditions)
