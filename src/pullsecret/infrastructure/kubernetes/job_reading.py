"""What Kubernetes knows of a job, in the service's own terms."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, TypeVar

import attrs

from pullsecret.domain.clean_up import CleanUpJob, CleanUpResult
from pullsecret.domain.jobs import AnyJob, AnyResult
from pullsecret.domain.provisioning import (
    Failure,
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionResult,
    Queued,
    Running,
)
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Stage
from pullsecret.infrastructure.job_process.environment import Purpose
from pullsecret.infrastructure.job_process.termination_message import decode_clean_up, decode_result
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import Object
from pullsecret.infrastructure.kubernetes.order_annotations import (
    attempt_of,
    clean_up_order_of,
    purpose_of,
    target_of,
    trace_of,
)

Result = TypeVar("Result")

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


def job_of(found: Object, result: AnyResult | None = None) -> AnyJob:
    """The job. ``result`` is that of an ended one, unless it is noted on it."""
    metadata, annotations = found["metadata"], found["metadata"]["annotations"]
    submitted_at, retry_asked = time_of(metadata["creationTimestamp"]), marks.RETRY in annotations
    known = None if ended_at(found) is None else result or noted_result(found) or result_of(found, ())
    if purpose_of(annotations) is Purpose.CLEAN_UP:
        order = clean_up_order_of(annotations)
        cleaned_up = known if isinstance(known, CleanUpResult) else None
        return CleanUpJob(order, _state(found, cleaned_up), submitted_at, retry_asked)
    target = target_of(annotations)
    key = ProvisionKey(target.cluster_id, target.generation, attempt_of(annotations))
    landed = known if isinstance(known, ProvisionResult) else None
    return ProvisionJob(key, target, _state(found, landed), submitted_at, retry_asked, trace_of(annotations))


def with_result(job: AnyJob, result: AnyResult) -> AnyJob:
    """The ended job with what it did, which was not known when it was read."""
    match job, result:
        case ProvisionJob(state=Finished() as landed), ProvisionResult():
            return attrs.evolve(job, state=attrs.evolve(landed, result=result))
        case CleanUpJob(state=Finished() as cleaned_up), CleanUpResult():
            return attrs.evolve(job, state=attrs.evolve(cleaned_up, result=result))
    raise ValueError(f"{job.key.name} has not ended with such a result")


def _state(found: Object, result: Result | None) -> Queued | Running | Finished[Result]:
    ended = ended_at(found)
    if ended is not None and result is not None:
        return Finished(result, ended, marks.REPORTED_LABEL in found["metadata"]["labels"])
    return Queued() if found["spec"].get("suspend") else Running()


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


def noted_result(found: Object) -> AnyResult | None:
    """The result that a replica noted on the job when it took it up."""
    noted = found["metadata"]["annotations"].get(marks.RESULT)
    if noted is None:
        return None
    try:
        return _decoded(found, noted)
    except ValueError:
        return _lost(found, Reason.JOB_LOST, "The result noted on the job cannot be read.")


def result_of(found: Object, pods: Iterable[Object]) -> AnyResult:
    """What an ended job did: its own words from its newest pod, else what can be told from outside."""
    ended = sorted((pod for pod in pods if has_ended(pod)), key=_finish_order)
    for pod in reversed(ended):
        message = _terminated(pod).get("message")
        if message:
            try:
                return _decoded(found, message)
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


def _decoded(found: Object, text: str) -> AnyResult:
    """Raises :class:`ValueError` if ``text`` is not a result of such a job."""
    if purpose_of(found["metadata"]["annotations"]) is Purpose.CLEAN_UP:
        return decode_clean_up(text)
    return decode_result(text)


def _result_from_outside(found: Object, pod: Object | None) -> AnyResult:
    problem = found["metadata"]["annotations"].get(marks.POD_PROBLEM, "")
    if problem.startswith(_IMAGE_PROBLEMS):
        return _lost(found, Reason.IMAGE_PULL_FAILED, problem)
    if pod is not None and _evicted(pod):
        return _lost(found, Reason.JOB_EVICTED, pod["status"].get("message") or "The pod was evicted.")
    if pod is not None and _terminated(pod).get("reason") == "OOMKilled":
        return _lost(
            found, Reason.JOB_OUT_OF_MEMORY, "The pod was killed for using more than its memory limit."
        )
    if _failure_reason(found) == "DeadlineExceeded":
        seconds = found["spec"].get("activeDeadlineSeconds")
        waited = f" Its pod could not start: {problem}" if problem else ""
        return _lost(found, Reason.JOB_TIMED_OUT, f"The job did not end within {seconds} s.{waited}")
    if pod is None:
        deleted = "The job was deleted" if "deletionTimestamp" in found["metadata"] else "Its pod is gone"
        return _lost(found, Reason.JOB_LOST, f"{deleted}; what it did is not known.")
    code = _terminated(pod).get("exitCode")
    return _lost(found, Reason.JOB_LOST, f"The pod ended with exit code {code} and said nothing.")


def _lost(found: Object, reason: Reason, message: str) -> AnyResult:
    failure = Failure(reason, f"{message} {reason.remedy}")
    if purpose_of(found["metadata"]["annotations"]) is Purpose.CLEAN_UP:
        return CleanUpResult(failure=failure)
    return ProvisionResult(stage=Stage.STARTED, failure=failure)


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
