"""Jobs of both purposes side by side."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.backoff import Backoff
from pullsecret.domain.clean_up import CleanUpJob, CleanUpKey, CleanUpOrder, CleanUpResult, Remains
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.jobs import (
    AnyJob,
    AnyKey,
    age_order,
    goes_again,
    in_the_way,
    is_due_again,
    newest_jobs,
    next_attempt,
)
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Failure,
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionResult,
    Queued,
)
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.testing.contracts.samples import new_target

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLUSTER = ClusterId("cls-1")
TARGET = new_target(CLUSTER)


def provisioning(
    generation: int, attempt: int = 1, *, active: bool = True, name: str = "cls-1"
) -> ProvisionJob:
    landed = Finished(ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1"), NOW)
    key = ProvisionKey(ClusterId(name), Generation(generation), attempt)
    return ProvisionJob(key, TARGET, Queued() if active else landed, NOW)


def clean_up(generation: int, attempt: int = 1, *, active: bool = True, name: str = "cls-1") -> CleanUpJob:
    order = CleanUpOrder(CleanUpKey(ClusterId(name), Generation(generation), attempt), Remains())
    return CleanUpJob(order, Queued() if active else Finished(CleanUpResult(), NOW), NOW)


IN_ORDER = [provisioning(1), provisioning(1, 2), clean_up(1), clean_up(1, 2), provisioning(2), clean_up(2)]


@given(st.permutations(IN_ORDER))
def test_a_clean_up_is_newer_than_what_it_cleans_up_after(known: list[AnyJob]) -> None:
    keys: list[AnyKey] = sorted((job.key for job in known), key=age_order)
    assert keys == [job.key for job in IN_ORDER]


@given(st.permutations([*IN_ORDER, provisioning(1, name="b"), provisioning(1, 2, name="b")]))
def test_each_cluster_has_its_newest_job(known: list[AnyJob]) -> None:
    newest = {name.value: job.key for name, job in newest_jobs(known).items()}
    assert newest == {
        "cls-1": CleanUpKey(CLUSTER, Generation(2)),
        "b": ProvisionKey(ClusterId("b"), Generation(1), 2),
    }


@pytest.mark.parametrize(
    ("known", "provisioning_waits", "clean_up_waits"),
    [
        ([], False, False),
        ([provisioning(1, active=False)], False, False),
        ([provisioning(2, active=False)], False, False),
        ([provisioning(3, active=False)], True, False),
        ([provisioning(1)], True, True),
        ([provisioning(2)], False, True),
        ([clean_up(1)], True, True),
        ([clean_up(1, active=False)], False, False),
        ([clean_up(2, active=False)], True, False),
        ([clean_up(3, active=False)], True, False),
        ([clean_up(1, active=False), provisioning(1)], True, True),
    ],
)
def test_one_job_at_a_time_and_nothing_older_is_provisioned_after_an_update_or_a_clean_up(
    known: list[AnyJob], provisioning_waits: bool, clean_up_waits: bool
) -> None:
    assert (in_the_way(known, ProvisionKey(CLUSTER, Generation(2))) is not None) == provisioning_waits
    assert (in_the_way(known, CleanUpKey(CLUSTER, Generation(2), 2)) is not None) == clean_up_waits


def test_pauses_grow_with_the_attempts() -> None:
    pause = Backoff(initial=30, factor=2, maximum=100)
    failed = Finished(CleanUpResult(failure=Failure(Reason.JOB_LOST, "It is gone.")), NOW)
    due = [next_attempt(clean_up(1, attempt).key, failed, pause) - NOW for attempt in (1, 2, 3)]
    assert due == [timedelta(seconds=seconds) for seconds in (30, 60, 100)]


def ended(
    purpose: type[AnyJob], reason: Reason | None, *, reported: bool = True, retry_asked: bool = False
) -> AnyJob:
    """A job that ended at ``NOW``, for ``reason`` if it failed."""
    failure = None if reason is None else Failure(reason, "It failed.")
    if purpose is CleanUpJob:
        cleaned_up = Finished(CleanUpResult(failure=failure), NOW, reported)
        return attrs.evolve(clean_up(1), state=cleaned_up, retry_asked=retry_asked)
    result = (
        ProvisionResult(Stage.STARTED, failure=failure)
        if failure
        else ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1")
    )
    landed = Finished(result, NOW, reported)
    return attrs.evolve(provisioning(1), state=landed, retry_asked=retry_asked)


PURPOSES = pytest.mark.parametrize("purpose", [ProvisionJob, CleanUpJob])
AFTER_ANY_END = pytest.mark.parametrize(
    "reason", [None, Reason.QUOTA_EXCEEDED, Reason.PERMISSION_DENIED, Reason.SUPERSEDED]
)


@pytest.mark.parametrize(
    ("purpose", "reason", "again"),
    [
        (ProvisionJob, None, False),
        (ProvisionJob, Reason.QUOTA_EXCEEDED, True),
        (ProvisionJob, Reason.PERMISSION_DENIED, False),
        (ProvisionJob, Reason.SUPERSEDED, False),
        (CleanUpJob, None, False),
        (CleanUpJob, Reason.QUOTA_EXCEEDED, True),
        (CleanUpJob, Reason.PERMISSION_DENIED, True),
    ],
)
def test_what_goes_again_by_itself_does_so_after_its_pause(
    purpose: type[AnyJob], reason: Reason | None, again: bool
) -> None:
    job, pause = ended(purpose, reason), Backoff(initial=30)
    assert goes_again(job) is again
    assert not is_due_again(job, pause, NOW + timedelta(seconds=29))
    assert is_due_again(job, pause, NOW + timedelta(seconds=30)) is again


@PURPOSES
@AFTER_ANY_END
def test_what_a_person_asks_for_goes_again_at_once(purpose: type[AnyJob], reason: Reason | None) -> None:
    job = ended(purpose, reason, retry_asked=True)
    assert goes_again(job)
    assert is_due_again(job, Backoff(initial=30), NOW)


@PURPOSES
@AFTER_ANY_END
def test_nothing_goes_again_before_its_end_was_told(purpose: type[AnyJob], reason: Reason | None) -> None:
    job = ended(purpose, reason, reported=False, retry_asked=True)
    assert not goes_again(job)
    assert not is_due_again(job, Backoff(initial=30), NOW + timedelta(days=1))


@pytest.mark.parametrize("job", [provisioning(1), clean_up(1)])
def test_nothing_goes_again_before_its_end(job: AnyJob) -> None:
    assert not goes_again(attrs.evolve(job, retry_asked=True))


def test_a_clean_up_counts_for_the_project_of_its_first_stored_secret() -> None:
    places = Remains((CloudSecretRef("p", "s"), CloudSecretRef("q", "s")))
    job = attrs.evolve(clean_up(1), order=attrs.evolve(clean_up(1).order, places=places))
    assert job.project == "p"
    nowhere = Remains(cluster_secrets=(ClusterSecretRef("n", "s"),))
    assert attrs.evolve(job, order=attrs.evolve(job.order, places=nowhere)).project == ""
    assert Remains().nowhere
    assert not places.nowhere
    assert not nowhere.nowhere
