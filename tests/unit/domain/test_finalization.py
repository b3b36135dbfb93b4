"""What a deletion leaves to do, and what is told about it."""

from datetime import UTC, datetime

import attrs
import pytest

from pullsecret.domain.clean_up import CleanUpJob, CleanUpKey, CleanUpOrder, CleanUpResult, Remains
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.conditions import Condition, Conditions, JobMetadata, Status, StatusReport
from pullsecret.domain.events import TraceContext
from pullsecret.domain.finalization import (
    clean_up_report,
    finalizing_report,
    nothing_to_clean_up_report,
    remains,
)
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Failure,
    Finished,
    ProvisionJob,
    ProvisionKey,
    Queued,
    provision_target,
)
from pullsecret.domain.reasons import Reason

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLUSTER = Cluster(
    ClusterId("cls-1"), Generation(3), project="customer-prod", namespace="clusters-cls-1", deleting=True
)
CLOUD = CloudSecretRef("customer-prod", "hyperfleet-cls-1-pull-secret")
KUBERNETES = ClusterSecretRef("clusters-cls-1", "cls-1-pull-secret")
TRACE = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
HEALTHY = Condition(Status.TRUE, Reason.HEALTHY, "No failure was seen.")


def job(generation: int, **elsewhere: str) -> ProvisionJob:
    moved = attrs.evolve(CLUSTER, generation=Generation(generation), **elsewhere)
    return ProvisionJob(ProvisionKey(CLUSTER.id, moved.generation), provision_target(moved), Queued(), NOW)


def test_a_cluster_remains_where_its_spec_points() -> None:
    assert remains(CLUSTER, []) == Remains((CLOUD,), (KUBERNETES,))


def test_places_of_earlier_generations_are_looked_at_too_each_once() -> None:
    jobs = iter([job(1, project="old-project"), job(2, namespace="old"), job(3)])
    assert remains(attrs.evolve(CLUSTER, secret_name="renamed"), jobs) == Remains(
        (
            CloudSecretRef("old-project", CLOUD.name),
            CLOUD,
            CloudSecretRef("customer-prod", "renamed"),
        ),
        (KUBERNETES, ClusterSecretRef("old", KUBERNETES.name)),
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"project": None}, Remains((), (KUBERNETES,))),
        ({"project": "No!"}, Remains((), (KUBERNETES,))),
        ({"secret_name": "a/b"}, Remains((), (KUBERNETES,))),
        ({"namespace": None}, Remains((CLOUD,), ())),
        ({"namespace": "No!"}, Remains((CLOUD,), ())),
    ],
)
def test_a_spec_that_names_no_place_leaves_nothing_there(
    change: dict[str, str | None], expected: Remains
) -> None:
    assert remains(attrs.evolve(CLUSTER, **change), []) == expected


def report(state: Condition, health: Condition, finalized: Condition) -> StatusReport:
    return StatusReport(ClusterId("cls-1"), Generation(3), Conditions(state, state, health, finalized), NOW)


def test_a_clean_up_that_is_not_over_is_no_failure() -> None:
    pending = Condition(Status.FALSE, Reason.IN_PROGRESS, "The cluster is being deleted: a job runs.")
    assert finalizing_report(CLUSTER, "a job runs.", NOW) == report(pending, HEALTHY, pending)


def test_earlier_clean_ups_are_not_forgotten() -> None:
    elsewhere = Remains((CloudSecretRef("old-project", "s"),), (ClusterSecretRef("old", "s"),))
    earlier = CleanUpJob(CleanUpOrder(CleanUpKey(CLUSTER.id, Generation(2)), elsewhere), Queued(), NOW)
    assert remains(CLUSTER, [earlier]) == elsewhere.and_those_of(Remains((CLOUD,), (KUBERNETES,)))


def report_of(result: CleanUpResult) -> StatusReport:
    finished = Finished(result, NOW)
    key = CleanUpKey(CLUSTER.id, CLUSTER.generation, 2)
    order = CleanUpOrder(key, Remains(), trace=TRACE)
    ended = clean_up_report(CleanUpJob(order, finished, NOW), finished, NOW)
    assert ended.job == JobMetadata("pullsecret-cls-1-del3-try2", 2, NOW, NOW)
    assert ended.job is not None
    assert ended.job.trace == TRACE
    return attrs.evolve(ended, job=None)


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Failure(Reason.PERMISSION_DENIED, "No permission. Grant it."), "No permission. Grant it."),
        (Failure(Reason.JOB_INTERRUPTED, "Told to stop."), "Told to stop. Retried by itself."),
        (Failure(Reason.QUOTA_EXCEEDED, "None. Retried by itself; ask."), "None. Retried by itself; ask."),
    ],
)
def test_what_cannot_be_deleted_is_told_with_its_reason_and_outlook(failure: Failure, told: str) -> None:
    failed = Condition(Status.FALSE, failure.reason, told)
    assert report_of(CleanUpResult(failure=failure)) == report(failed, failed, failed)


def test_a_cluster_without_any_place_is_finalized() -> None:
    gone = Condition(Status.FALSE, Reason.FINALIZED, "The cluster is deleted with its secrets.")
    expected = report(gone, HEALTHY, attrs.evolve(gone, status=Status.TRUE))
    assert nothing_to_clean_up_report(CLUSTER, NOW) == expected


@pytest.mark.parametrize(
    ("retained", "left", "reason", "text"),
    [
        ([], [], Reason.FINALIZED, "The cluster is deleted with its secrets."),
        (["a"], [], Reason.RETAINED, "The cluster is deleted; a kept by policy."),
        ([], ["b", "c"], Reason.RETAINED, "The cluster is deleted; b, c left behind, delete by hand."),
        (
            ["a", "b"],
            ["c"],
            Reason.RETAINED,
            "The cluster is deleted; a, b kept by policy; c left behind, delete by hand.",
        ),
        (list("abc"), [], Reason.RETAINED, "The cluster is deleted; a, b, c kept by policy."),
        (list("abcde"), [], Reason.RETAINED, "The cluster is deleted; a, b, c and 2 more kept by policy."),
    ],
)
def test_the_end_says_what_is_left(retained: list[str], left: list[str], reason: Reason, text: str) -> None:
    gone = Condition(Status.FALSE, reason, text)
    expected = report(gone, HEALTHY, Condition(Status.TRUE, reason, text))
    assert report_of(CleanUpResult(retained=tuple(retained), left=tuple(left))) == expected
