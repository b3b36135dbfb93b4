"""What is worth telling an operator: each fact becomes one log line and counts in metrics.

No fact holds a payload. ``operation`` and ``message`` are those of the DDR's structured log.
"""

from enum import Enum

import attrs

from pullsecret.domain.clean_up import CleanUpKey, CleanUpResult
from pullsecret.domain.drift import Drift
from pullsecret.domain.errors import OperationError
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyKey
from pullsecret.domain.provisioning import ProvisionKey, ProvisionResult
from pullsecret.domain.reasons import Reason


class SkipReason(Enum):
    """Why an event needs no work; the value is the metric's label."""

    FILTERED = "filtered"
    """The event filter is false for it."""
    NOT_ROLLED_OUT = "not-rolled-out"
    """The service is not switched on for this cluster."""
    CLUSTER_GONE = "cluster-gone"
    DELETING = "deleting"
    MISSING_DATA = "missing-data"
    """An expression met a value that is not there (AC4: skipped, not failed)."""
    PRECONDITION = "precondition"
    STALE = "stale"
    """A newer generation is already handed over."""
    ALREADY_DONE = "already-done"
    ALREADY_FAILED = "already-failed"
    """This generation failed for good; only a newer one helps."""
    RETRY_PENDING = "retry-pending"
    """This generation's next attempt waits for its pause."""
    ALREADY_RUNNING = "already-running"


class EventOutcome(Enum):
    """What became of an event; the value is the metric's label."""

    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    REFUSED = "refused"
    FINALIZED = "finalized"
    POSTPONED = "postponed"
    """It comes again, since the cluster's work is not finished or something failed for now."""


class CircuitState(Enum):
    """Whether an API is asked; the value is the metric's label."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    """One request tries whether it is back."""


@attrs.frozen
class EventTaken:
    """An event came from the broker; ``age`` is seconds since the time it names, if it names one."""

    cluster_id: ClusterId
    age: float | None = None


@attrs.frozen
class EventSettled:
    """The broker was told what became of an event; ``duration`` is seconds since it was taken."""

    cluster_id: ClusterId
    outcome: EventOutcome
    duration: float


@attrs.frozen
class EventPutAside:
    """A message went to the dead letters, for a person; the reason quotes nothing of its body."""

    reason: str


@attrs.frozen
class BacklogSeen:
    """How many messages the broker holds for us."""

    waiting: int | None
    """None while the broker cannot be asked."""


@attrs.frozen
class CircuitChanged:
    """The circuit breaker in front of ``service`` changed its state."""

    service: str
    state: CircuitState


@attrs.frozen
class EventSkipped:
    """An event was acknowledged without work."""

    cluster_id: ClusterId
    reason: SkipReason
    detail: str = ""


@attrs.frozen
class EventPostponed:
    """An event goes back to the broker for ``delay`` seconds."""

    cluster_id: ClusterId
    delay: float
    cause: str


@attrs.frozen
class HandedOver:
    """A job was made durable."""

    key: AnyKey
    project: str


@attrs.frozen
class JobReleased:
    """A queued job may run."""

    key: AnyKey


@attrs.frozen
class JobsSeen:
    """How many jobs there are that have not ended."""

    queued: int
    running: int


@attrs.frozen
class ClusterRefused:
    """The cluster's own data makes the work impossible; told to the API without a job."""

    cluster_id: ClusterId
    error: OperationError


@attrs.frozen
class StepDone:
    """A job finished one step at the cloud or the cluster."""

    cluster_id: ClusterId
    project: str
    operation: str
    message: str
    version: str | None = None


@attrs.frozen
class RetryScheduled:
    """A transient failure is tried again after ``delay`` seconds."""

    cluster_id: ClusterId
    operation: str
    attempt: int
    delay: float
    error: OperationError


@attrs.frozen
class JobEnded:
    """A job's result was seen by the adapter, once for each time it is seen."""

    key: ProvisionKey
    project: str
    result: ProvisionResult


@attrs.frozen
class CleanUpEnded:
    """A clean-up's result was seen by the adapter, once for each time it is seen."""

    key: CleanUpKey
    project: str
    result: CleanUpResult


@attrs.frozen
class StatusTold:
    """The HyperFleet API took a status; ``delay`` is seconds since the job ended."""

    key: AnyKey
    receipt: str
    delay: float


@attrs.frozen
class StatusNotTold:
    """A status could not be told; a transient error is tried again, a permanent one never succeeds."""

    cluster_id: ClusterId
    error: OperationError


@attrs.frozen
class EndNotMarked:
    """That a job's end was told could not be noted on the job, so it is told again."""

    key: AnyKey
    error: OperationError


@attrs.frozen
class Interrupted:
    """A loop of the adapter could not go on; it does after ``delay`` seconds."""

    operation: str
    delay: float
    error: OperationError


@attrs.frozen
class DriftSeen:
    """A cluster secret is not as its job left it; a job will write it anew."""

    drift: Drift


@attrs.frozen
class RepairStarted:
    """A job was handed over that writes a drifted cluster secret anew."""

    drift: Drift
    key: ProvisionKey


@attrs.frozen
class InternalFault:
    """Something failed in a way that nobody foresaw."""

    operation: str
    kind: str
    """The exception's type. Its text is not kept, since it could quote anything."""
    cluster_id: ClusterId | None = None
    reason: Reason = Reason.INTERNAL_ERROR


Fact = (
    EventTaken
    | EventSettled
    | EventPutAside
    | BacklogSeen
    | CircuitChanged
    | JobsSeen
    | RepairStarted
    | EventSkipped
    | EventPostponed
    | HandedOver
    | JobReleased
    | ClusterRefused
    | StepDone
    | RetryScheduled
    | JobEnded
    | CleanUpEnded
    | StatusTold
    | StatusNotTold
    | EndNotMarked
    | Interrupted
    | DriftSeen
    | InternalFault
)
