"""The three conditions, derived from what was observed and from nothing else (DDR phase 6, AC5)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum

import attrs

from pullsecret.domain.clean_up import CleanUpResult
from pullsecret.domain.errors import OperationError
from pullsecret.domain.events import TraceContext
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.jobs import AnyJob
from pullsecret.domain.provisioning import Failure, Finished, ProvisionJob, ProvisionResult, ProvisionTarget
from pullsecret.domain.reasons import RETRIED, Outlook, Reason
from pullsecret.domain.secret_lifecycle import Change, Stage

ADAPTER_NAME = "pullsecret"
MAX_MESSAGE_CHARACTERS = 1_024
_MAX_NAMED = 3


class Status(Enum):
    """A condition's status, as Kubernetes writes it."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


def _shortened(message: str) -> str:
    if len(message) <= MAX_MESSAGE_CHARACTERS:
        return message
    return message[: MAX_MESSAGE_CHARACTERS - 3] + "..."


@attrs.frozen
class Condition:
    """One condition; its message is at most :data:`MAX_MESSAGE_CHARACTERS` characters."""

    status: Status
    reason: Reason
    message: str = attrs.field(converter=_shortened)


HEALTHY = Condition(Status.TRUE, Reason.HEALTHY, "No failure was seen.")


@attrs.frozen
class Conditions:
    """What is told about one cluster.

    ``applied``: the resources were written. ``available``: the newest version was read back and the cluster
    secret holds it. ``health``: no failure was seen. ``finalized`` is only given while a cluster is deleted.
    """

    applied: Condition
    available: Condition
    health: Condition
    finalized: Condition | None = None


@attrs.frozen
class JobMetadata:
    """Which job the status speaks of."""

    name: str
    attempt: int
    started_at: datetime
    completed_at: datetime
    trace: TraceContext | None = attrs.field(default=None, eq=False)
    """The trace it is part of, for whoever tells the status."""


@attrs.frozen
class StatusReport:
    """What the HyperFleet API is told, independent of the dialect it is told in.

    ``data`` holds ``secretName``, ``secretPath``, ``gcpProject``, ``version`` and ``generation`` as far as
    they are known (AC5).
    """

    cluster_id: ClusterId
    generation: Generation
    conditions: Conditions
    observed_at: datetime
    data: Mapping[str, str] = attrs.field(factory=dict)
    job: JobMetadata | None = None


_APPLIED: dict[Change | None, tuple[Reason, str]] = {
    Change.CREATED: (Reason.SECRET_CREATED, "Pull secret stored in Secret Manager as version {version}."),
    Change.UPDATED: (Reason.SECRET_UPDATED, "Pull secret updated in Secret Manager to version {version}."),
    Change.UNCHANGED: (Reason.SECRET_UNCHANGED, "Secret Manager already held it as version {version}."),
}
UNOBSERVED = frozenset({Reason.JOB_LOST, Reason.JOB_OUT_OF_MEMORY, Reason.JOB_EVICTED, Reason.JOB_TIMED_OUT})
"""After these nobody knows what the job still did, so neither True nor False would be the truth."""


def in_progress_report(target: ProvisionTarget, now: datetime) -> StatusReport:
    """The work is handed over: nothing is known yet, nothing failed."""
    waiting = Condition(Status.UNKNOWN, Reason.IN_PROGRESS, "The pull secret is being provisioned.")
    return StatusReport(
        target.cluster_id,
        target.generation,
        Conditions(waiting, waiting, HEALTHY),
        observed_at=now,
        data=_data(target, None),
    )


def job_report(job: ProvisionJob, finished: Finished[ProvisionResult], now: datetime) -> StatusReport:
    """What a finished job's result means for its cluster."""
    return StatusReport(
        job.key.cluster_id,
        job.key.generation,
        conditions_of(finished.result),
        observed_at=now,
        data=_data(job.target, finished.result.version),
        job=job_metadata(job, finished),
    )


def job_metadata(job: AnyJob, finished: Finished[ProvisionResult] | Finished[CleanUpResult]) -> JobMetadata:
    """Which job ended. It began as long before its end as it says that it took, which leaves out its wait for
    a place; one that tells nothing likely of itself, when it was handed over."""
    took, at_most = finished.result.duration, (finished.at - job.submitted_at).total_seconds()
    began = finished.at - timedelta(seconds=took) if 0 < took <= at_most else job.submitted_at
    return JobMetadata(job.key.name, job.key.attempt, began, finished.at, job.trace)


def refusal_report(
    cluster_id: ClusterId, generation: Generation, error: OperationError, now: datetime
) -> StatusReport:
    """The cluster's own data makes the work impossible; no job was started."""
    failed = Condition(Status.FALSE, error.reason, f"{error.cause} {error.remedy}".strip())
    return StatusReport(cluster_id, generation, Conditions(failed, failed, failed), observed_at=now)


def waiting_report(cluster_id: ClusterId, generation: Generation, unmet: str, now: datetime) -> StatusReport:
    """A precondition does not hold, as ``unmet`` says: nothing was done and nothing failed."""
    waiting = Condition(Status.FALSE, Reason.PRECONDITIONS_NOT_MET, f"Waiting: {unmet}.")
    return StatusReport(cluster_id, generation, Conditions(waiting, waiting, HEALTHY), observed_at=now)


def conditions_of(result: ProvisionResult) -> Conditions:
    """Derive the conditions from a job's result."""
    if result.failure is None:
        reason, text = _APPLIED[result.change]
        return Conditions(
            Condition(Status.TRUE, reason, text.format(version=result.version) + _moved(result.earlier)),
            Condition(
                Status.TRUE,
                Reason.SECRET_AVAILABLE,
                f"Version {result.version} was read back and the cluster secret holds it.",
            ),
            HEALTHY,
        )
    failure = result.failure
    message = with_outlook(failure)
    if failure.reason in UNOBSERVED:
        unknown = Condition(Status.UNKNOWN, failure.reason, message)
        return Conditions(unknown, unknown, Condition(Status.FALSE, failure.reason, message))
    failed = Condition(Status.FALSE, failure.reason, message)
    if failure.reason.outlook is Outlook.PROGRESS:
        return Conditions(failed, failed, HEALTHY)
    if result.stage.reached(Stage.VERIFIED):
        stored = f"Stored and verified in Secret Manager as version {result.version}, but: {message}"
        failed = Condition(Status.FALSE, failure.reason, stored)
    return Conditions(failed, failed, Condition(Status.FALSE, failure.reason, message))


def _moved(earlier: Sequence[str]) -> str:
    if not earlier:
        return ""
    return f" What was stored before at {some_of(earlier)} stays at least until the cluster is deleted."


def some_of(paths: Sequence[str]) -> str:
    """The first few of ``paths``, and how many more there are."""
    shown = ", ".join(paths[:_MAX_NAMED])
    return f"{shown} and {len(paths) - _MAX_NAMED} more" if len(paths) > _MAX_NAMED else shown


def with_outlook(failure: Failure) -> str:
    """The failure's message, which also says so if nobody needs to do anything yet."""
    if failure.reason.outlook is not Outlook.TRANSIENT or RETRIED in failure.message:
        return failure.message
    return f"{failure.message} {RETRIED}."


def _data(target: ProvisionTarget, version: str | None) -> dict[str, str]:
    data = {
        "secretName": target.cloud_secret.name,
        "secretPath": target.cloud_secret.version_path(version or "latest"),
        "gcpProject": target.cloud_secret.project,
        "generation": str(target.generation),
    }
    return data | {"version": version} if version else data
