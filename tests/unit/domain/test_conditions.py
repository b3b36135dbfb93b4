"""What is told about a cluster is what was seen, for every reason and every stage."""

import itertools
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.conditions import (
    ADAPTER_NAME,
    MAX_MESSAGE_CHARACTERS,
    Condition,
    Conditions,
    JobMetadata,
    Status,
    StatusReport,
    conditions_of,
    in_progress_report,
    job_report,
    refusal_report,
    waiting_report,
)
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.events import TraceContext
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Failure,
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionResult,
    ProvisionTarget,
)
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.secret_lifecycle import Change, Stage

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CLUSTER, GENERATION = ClusterId("cls-1"), Generation(3)
TARGET = ProvisionTarget(
    CLUSTER,
    GENERATION,
    CloudSecretRef("customer-prod", "hyperfleet-cls-1-pull-secret"),
    ClusterSecretRef("clusters-cls-1", "cls-1-pull-secret"),
)
SECRET = "projects/customer-prod/secrets/hyperfleet-cls-1-pull-secret"

UNFINISHED = [stage for stage in Stage if stage is not Stage.PUBLISHED]
FAILURES = [reason for reason in Reason if reason.outlook is not Outlook.SUCCESS]
UNOBSERVED = {Reason.JOB_LOST, Reason.JOB_OUT_OF_MEMORY, Reason.JOB_EVICTED, Reason.JOB_TIMED_OUT}
UNHEALTHY = {Outlook.TRANSIENT, Outlook.PERMANENT}


def failed(reason: Reason, stage: Stage = Stage.STARTED, message: str = "It broke.") -> ProvisionResult:
    version = "4" if stage.reached(Stage.STORED) else None
    return ProvisionResult(
        stage, Change.UPDATED if version else None, version, failure=Failure(reason, message)
    )


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        (Change.CREATED, Reason.SECRET_CREATED, "Pull secret stored in Secret Manager as version 7."),
        (Change.UPDATED, Reason.SECRET_UPDATED, "Pull secret updated in Secret Manager to version 7."),
        (Change.UNCHANGED, Reason.SECRET_UNCHANGED, "Secret Manager already held it as version 7."),
    ],
)
def test_a_published_secret_is_applied_available_and_healthy(
    change: Change, reason: Reason, message: str
) -> None:
    available = "Version 7 was read back and the cluster secret holds it."
    assert conditions_of(ProvisionResult(Stage.PUBLISHED, change, "7")) == Conditions(
        Condition(Status.TRUE, reason, message),
        Condition(Status.TRUE, Reason.SECRET_AVAILABLE, available),
        Condition(Status.TRUE, Reason.HEALTHY, "No failure was seen."),
    )


def test_stored_secrets_of_before_the_cluster_moved_are_told_by_name() -> None:
    earlier = tuple(f"projects/p{number}/secrets/s" for number in range(5))
    told = conditions_of(ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1", earlier=earlier[:1]))
    assert told.applied.message.endswith(
        "What was stored before at projects/p0/secrets/s stays at least until the cluster is deleted."
    )
    told = conditions_of(ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1", earlier=earlier))
    assert "projects/p2/secrets/s and 2 more stays" in told.applied.message


@pytest.mark.parametrize(("reason", "stage"), list(itertools.product(FAILURES, UNFINISHED)))
def test_no_failure_is_ever_told_as_success(reason: Reason, stage: Stage) -> None:
    told = conditions_of(failed(reason, stage))
    expected = Status.UNKNOWN if reason in UNOBSERVED else Status.FALSE
    assert (told.applied.status, told.available.status) == (expected, expected)
    assert told.applied.reason is told.available.reason is reason
    assert told.finalized is None
    if reason.outlook in UNHEALTHY:
        assert (told.health.status, told.health.reason) == (Status.FALSE, reason)
    else:
        assert (told.health.status, told.health.reason) == (Status.TRUE, Reason.HEALTHY)
    for condition in (told.applied, told.available, told.health):
        assert 0 < len(condition.message) <= MAX_MESSAGE_CHARACTERS


@pytest.mark.parametrize(("reason", "stage"), list(itertools.product(FAILURES, UNFINISHED)))
def test_the_same_result_is_always_told_the_same(reason: Reason, stage: Stage) -> None:
    again = attrs.evolve(failed(reason, stage), duration=9.0, calls={"GetSecret/OK": 2})
    assert conditions_of(failed(reason, stage)) == conditions_of(again)


def test_a_permanent_failure_is_told_as_it_is() -> None:
    told = conditions_of(failed(Reason.PERMISSION_DENIED))
    failure = Condition(Status.FALSE, Reason.PERMISSION_DENIED, "It broke.")
    assert told == Conditions(failure, failure, failure)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("It broke.", "It broke. Retried by itself."),
        (
            "It broke. Retried by itself; ask for more quota.",
            "It broke. Retried by itself; ask for more quota.",
        ),
    ],
)
def test_a_transient_failure_says_once_that_it_is_retried(message: str, told: str) -> None:
    failure = Condition(Status.FALSE, Reason.QUOTA_EXCEEDED, told)
    conditions = conditions_of(failed(Reason.QUOTA_EXCEEDED, message=message))
    assert conditions == Conditions(failure, failure, failure)


def test_a_failure_after_the_verification_says_what_was_achieved() -> None:
    told = conditions_of(failed(Reason.CLUSTER_SECRET_CONFLICT, Stage.VERIFIED))
    stored = "Stored and verified in Secret Manager as version 4, but: It broke."
    partly = Condition(Status.FALSE, Reason.CLUSTER_SECRET_CONFLICT, stored)
    assert told == Conditions(
        partly, partly, Condition(Status.FALSE, Reason.CLUSTER_SECRET_CONFLICT, "It broke.")
    )


def test_a_version_that_was_not_verified_is_not_said_to_be() -> None:
    assert conditions_of(failed(Reason.PERMISSION_DENIED, Stage.STORED)).applied.message == "It broke."


def test_after_a_lost_job_nobody_knows() -> None:
    told = conditions_of(failed(Reason.JOB_LOST))
    unknown = Condition(Status.UNKNOWN, Reason.JOB_LOST, "It broke. Retried by itself.")
    assert told == Conditions(unknown, unknown, attrs.evolve(unknown, status=Status.FALSE))


def test_a_superseded_job_did_nothing_wrong() -> None:
    told = conditions_of(failed(Reason.SUPERSEDED, Stage.VERIFIED, "Generation 5 is already published."))
    waiting = Condition(Status.FALSE, Reason.SUPERSEDED, "Generation 5 is already published.")
    assert told == Conditions(
        waiting, waiting, Condition(Status.TRUE, Reason.HEALTHY, "No failure was seen.")
    )


@given(st.text(max_size=3000), st.sampled_from(FAILURES), st.sampled_from(UNFINISHED))
def test_every_message_fits(message: str, reason: Reason, stage: Stage) -> None:
    told = conditions_of(failed(reason, stage, message))
    assert all(
        len(condition.message) <= MAX_MESSAGE_CHARACTERS
        for condition in (told.applied, told.available, told.health)
    )


@pytest.mark.parametrize(
    ("given", "told"), [("x" * 1024, "x" * 1024), ("x" * 1025, "x" * 1021 + "..."), ("", "")]
)
def test_a_long_message_ends_in_dots(given: str, told: str) -> None:
    assert Condition(Status.TRUE, Reason.HEALTHY, given).message == told


def test_the_words_are_those_of_kubernetes_and_the_design_document() -> None:
    assert ADAPTER_NAME == "pullsecret"
    assert [status.value for status in Status] == ["True", "False", "Unknown"]


HEALTHY = Condition(Status.TRUE, Reason.HEALTHY, "No failure was seen.")


def test_work_handed_over_is_told_as_unknown_and_healthy() -> None:
    waiting = Condition(Status.UNKNOWN, Reason.IN_PROGRESS, "The pull secret is being provisioned.")
    assert in_progress_report(TARGET, NOW) == StatusReport(
        CLUSTER,
        GENERATION,
        Conditions(waiting, waiting, HEALTHY),
        NOW,
        {
            "secretName": "hyperfleet-cls-1-pull-secret",
            "secretPath": f"{SECRET}/versions/latest",
            "gcpProject": "customer-prod",
            "generation": "3",
        },
    )


def test_an_unmet_precondition_is_told_as_false_and_healthy() -> None:
    waiting = Condition(Status.FALSE, Reason.PRECONDITIONS_NOT_MET, "Waiting: a == b is not true.")
    report = waiting_report(CLUSTER, GENERATION, "a == b is not true", NOW)
    assert report == StatusReport(CLUSTER, GENERATION, Conditions(waiting, waiting, HEALTHY), NOW)
    assert report.data == {}
    assert report.job is None


@pytest.mark.parametrize(
    ("took", "began"),
    [
        (4.0, NOW - timedelta(seconds=4)),
        (600.0, NOW - timedelta(seconds=600)),
        # Of a job that said nothing, or what cannot be, it is only known when it was handed over.
        (0.0, NOW - timedelta(minutes=10)),
        (601.0, NOW - timedelta(minutes=10)),
        (-1.0, NOW - timedelta(minutes=10)),
        (float("nan"), NOW - timedelta(minutes=10)),
        (float("inf"), NOW - timedelta(minutes=10)),
    ],
)
def test_a_jobs_wait_for_a_place_is_no_part_of_its_run(took: float, began: datetime) -> None:
    finished = Finished(ProvisionResult(Stage.PUBLISHED, Change.CREATED, "7", duration=took), NOW)
    key = ProvisionKey(CLUSTER, GENERATION)
    report = job_report(ProvisionJob(key, TARGET, finished, NOW - timedelta(minutes=10)), finished, NOW)
    assert report.job == JobMetadata("pullsecret-cls-1-gen3", 1, began, NOW)


def test_a_report_goes_on_in_the_trace_of_its_job() -> None:
    trace = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    finished = Finished(ProvisionResult(Stage.PUBLISHED, Change.CREATED, "7"), NOW)
    job = ProvisionJob(ProvisionKey(CLUSTER, GENERATION), TARGET, finished, NOW, trace=trace)
    told_by = job_report(job, finished, NOW).job
    assert told_by is not None
    assert told_by.trace == trace


@pytest.mark.parametrize(
    ("remedy", "message"), [("Correct it.", "It names no project. Correct it."), ("", "It names no project.")]
)
def test_a_refused_cluster_is_told_with_cause_and_remedy(remedy: str, message: str) -> None:
    error = PermanentError(
        "read-cluster", "cluster cls-1", Reason.INVALID_CLUSTER, "It names no project.", remedy
    )
    refused = Condition(Status.FALSE, Reason.INVALID_CLUSTER, message)
    assert refusal_report(CLUSTER, GENERATION, error, NOW) == StatusReport(
        CLUSTER, GENERATION, Conditions(refused, refused, refused), NOW
    )


@pytest.mark.parametrize(
    ("result", "version"),
    [
        (ProvisionResult(Stage.PUBLISHED, Change.CREATED, "7"), {"version": "7"}),
        (failed(Reason.CLUSTER_SECRET_CONFLICT, Stage.VERIFIED), {"version": "4"}),
        (failed(Reason.PERMISSION_DENIED), {}),
    ],
)
def test_a_jobs_report_names_the_secret_the_version_and_the_job(
    result: ProvisionResult, version: dict[str, str]
) -> None:
    finished = Finished(result, NOW)
    submitted = NOW - timedelta(seconds=9)
    job = ProvisionJob(ProvisionKey(CLUSTER, GENERATION, 2), TARGET, finished, submitted)
    later = NOW + timedelta(seconds=1)
    assert job_report(job, finished, later) == StatusReport(
        CLUSTER,
        GENERATION,
        conditions_of(result),
        later,
        {
            "secretName": "hyperfleet-cls-1-pull-secret",
            "secretPath": f"{SECRET}/versions/{version.get('version', 'latest')}",
            "gcpProject": "customer-prod",
            "generation": "3",
            **version,
        },
        JobMetadata("pullsecret-cls-1-gen3-try2", 2, submitted, NOW),
    )
