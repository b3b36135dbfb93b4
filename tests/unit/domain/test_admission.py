"""Which queued jobs start: never past a limit, oldest first, nobody held up by another project."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.admission import ConcurrencyLimits, admit
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionResult,
    ProvisionTarget,
    Queued,
    Running,
)
from pullsecret.domain.secret_lifecycle import Change, Stage

START = datetime(2026, 1, 1, tzinfo=UTC)
FINISHED = Finished(ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1"), START)


def job(
    number: int, project: str = "p", state: Queued | Running | Finished | None = None, age: int = 0
) -> ProvisionJob:
    key = ProvisionKey(ClusterId(f"cls-{number:03}"), Generation(1))
    target = ProvisionTarget(
        key.cluster_id, key.generation, CloudSecretRef(project, "s"), ClusterSecretRef("n", "s")
    )
    return ProvisionJob(key, target, state or Queued(), START - timedelta(seconds=age))


def numbers(keys: object) -> list[int]:
    assert isinstance(keys, list)
    return [int(key.cluster_id.value.removeprefix("cls-")) for key in keys]


def test_the_limits_are_ten_and_a_hundred() -> None:
    assert ConcurrencyLimits() == ConcurrencyLimits(per_project=10, overall=100)


@pytest.mark.parametrize("wrong", [{"per_project": 0}, {"overall": 0}])
def test_a_limit_that_admits_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ConcurrencyLimits(**wrong)


def test_the_oldest_go_first_and_equals_by_key() -> None:
    jobs = [job(1, age=1), job(3, age=9), job(2, age=9), job(4, age=5)]
    assert numbers(admit(jobs, ConcurrencyLimits(3, 3))) == [2, 3, 4]


def test_a_full_project_does_not_hold_up_the_others() -> None:
    jobs = [job(1, "full", Running()), *(job(n, "full", age=9) for n in range(2, 5)), job(5, "free")]
    assert numbers(admit(jobs, ConcurrencyLimits(1, 10))) == [5]


def test_running_jobs_count_and_finished_ones_do_not() -> None:
    jobs = [job(1, "a", Running()), job(2, "b", FINISHED), job(3, "b"), job(4, "c"), job(5, "a")]
    assert numbers(admit(jobs, ConcurrencyLimits(2, 3))) == [3, 4]


def test_nothing_starts_while_more_run_than_a_lowered_limit_allows() -> None:
    jobs = [*(job(n, "a", Running()) for n in range(5)), job(9, "b")]
    assert admit(jobs, ConcurrencyLimits(1, 3)) == []


job_lists = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([Queued(), Running(), FINISHED]), st.integers(0, 5)),
    max_size=30,
).map(lambda drawn: [job(n, *values) for n, values in enumerate(drawn)])


@given(job_lists, st.builds(ConcurrencyLimits, st.integers(1, 5), st.integers(1, 8)), st.randoms())
def test_no_limit_is_passed_and_no_room_is_left_unused(
    jobs: list[ProvisionJob], limits: ConcurrencyLimits, random
) -> None:  # type: ignore[no-untyped-def]
    admitted = admit(iter(jobs), limits)
    by_key = {job.key: job for job in jobs}
    queued = {job.key for job in jobs if isinstance(job.state, Queued)}
    running = [job for job in jobs if isinstance(job.state, Running)]
    before = Counter(job.target.cloud_secret.project for job in running)
    after = before + Counter(by_key[key].target.cloud_secret.project for key in admitted)

    assert len(set(admitted)) == len(admitted)
    assert set(admitted) <= queued
    assert len(running) + len(admitted) <= max(limits.overall, len(running))
    assert all(after[project] <= max(limits.per_project, before[project]) for project in after)
    for left in queued - set(admitted):
        project = by_key[left].target.cloud_secret.project
        older = [by_key[key].submitted_at <= by_key[left].submitted_at for key in admitted]
        full = after[project] >= limits.per_project
        assert full or len(running) + len(admitted) >= limits.overall
        assert full or all(older)

    random.shuffle(jobs)
    assert admit(jobs, limits) == admitted
