"""One or more facts of every kind."""

from datetime import UTC, datetime

import attrs

from pullsecret.domain import facts
from pullsecret.domain.clean_up import CleanUpKey, CleanUpResult
from pullsecret.domain.drift import Drift, DriftKind
from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.domain.facts import CircuitState, EventOutcome, Fact, SkipReason
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import ClusterSecretRef, Failure, ProvisionKey, ProvisionResult
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.secret_lifecycle import Change, Stage

CLUSTER = ClusterId("cls-1")
KEY = ProvisionKey(CLUSTER, Generation(1))
PROJECT = "customer-prod-12345"
NOW = datetime(2025, 11, 13, 10, 30, 45, tzinfo=UTC)
FAILURES = [reason for reason in Reason if reason.outlook is not Outlook.SUCCESS]


def success(**changed: object) -> ProvisionResult:
    """A job's good end."""
    result = ProvisionResult(
        stage=Stage.PUBLISHED,
        change=Change.CREATED,
        version="1",
        duration=2.5,
        calls={"GetSecret/404": 1, "AddSecretVersion/200": 1, "AccessSecretVersion/429": 2},
        latencies={"GetSecret": (0.2,), "AccessSecretVersion": (0.1, 3.0)},
    )
    return attrs.evolve(result, **changed)


def failure(reason: Reason, **changed: object) -> ProvisionResult:
    """A job's bad end."""
    result = ProvisionResult(stage=Stage.STARTED, failure=Failure(reason, "It failed."), duration=1.0)
    return attrs.evolve(result, **changed)


def ended(result: ProvisionResult, key: ProvisionKey = KEY, project: str = PROJECT) -> facts.JobEnded:
    """A job that ended with ``result``."""
    return facts.JobEnded(key, project, result)


def clean_ups() -> list[facts.CleanUpEnded]:
    """A clean-up that failed, and then one that gave up, and one of another cluster that left nothing."""
    denied = CleanUpResult(failure=Failure(Reason.PERMISSION_DENIED, "It failed."))
    left = CleanUpResult(left=("projects/p/secrets/s",), calls={"DeleteSecret/403": 1})
    keys = [CleanUpKey(CLUSTER, Generation(2)), CleanUpKey(CLUSTER, Generation(2), 2)]
    return [
        facts.CleanUpEnded(keys[0], PROJECT, denied),
        facts.CleanUpEnded(keys[1], PROJECT, left),
        facts.CleanUpEnded(CleanUpKey(ClusterId("cls-2"), Generation(2)), PROJECT, CleanUpResult()),
    ]


def key(number: int) -> ProvisionKey:
    """One key for each number."""
    return ProvisionKey(ClusterId(f"cls-{number}"), Generation(1))


def one_of_each() -> list[Fact]:
    """Every kind of fact, with every value of what it is labelled by."""
    passing = TransientError("post-status", "cls-1", Reason.HYPERFLEET_UNAVAILABLE, "No answer.")
    lasting = PermanentError("read-cluster", "cls-1", Reason.INVALID_CLUSTER, "It names no project.")
    secret = ClusterSecretRef("clusters-cls-1", "cls-1-pull-secret")
    drifts = [Drift(CLUSTER, secret, kind) for kind in DriftKind]
    return [
        facts.EventTaken(CLUSTER, 0.5),
        facts.EventTaken(CLUSTER),
        *(facts.EventSettled(CLUSTER, outcome, 0.1) for outcome in EventOutcome),
        facts.EventPutAside("its data names no cluster"),
        facts.BacklogSeen(None),
        facts.BacklogSeen(7),
        *(facts.CircuitChanged("hyperfleet-api", state) for state in CircuitState),
        facts.JobsSeen(3, 4),
        *(facts.EventSkipped(CLUSTER, reason) for reason in SkipReason),
        facts.EventPostponed(CLUSTER, 2.0, "generation 1 is still worked on"),
        facts.HandedOver(KEY, PROJECT),
        facts.HandedOver(ProvisionKey(CLUSTER, Generation(1), 2), PROJECT),
        facts.JobReleased(KEY),
        facts.ClusterRefused(CLUSTER, lasting),
        facts.StepDone(CLUSTER, PROJECT, "create-secret-version", "Created secret version", "1"),
        facts.RetryScheduled(CLUSTER, "create-secret", 1, 0.5, passing),
        ended(success()),
        *(ended(failure(reason), key(index + 2)) for index, reason in enumerate(FAILURES)),
        *clean_ups(),
        facts.StatusTold(KEY, "recorded", 0.4),
        facts.StatusNotTold(CLUSTER, passing),
        facts.EndNotMarked(KEY, passing),
        facts.Interrupted("list-jobs", 5.0, passing),
        *(facts.DriftSeen(drift) for drift in drifts),
        *(facts.RepairStarted(drift, KEY) for drift in drifts),
        facts.InternalFault("handle-event", "KeyError", CLUSTER),
    ]
