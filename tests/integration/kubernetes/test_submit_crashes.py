"""A replica may die between any two calls of a submission: nothing is lost, doubled or left behind."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.kubernetes.job_harness import ObedientJobs, eventually

from pullsecret.domain.jobs import AnyOrder, AnyResult
from pullsecret.domain.provisioning import Finished, Running
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import Answer, KubernetesApi
from pullsecret.infrastructure.kubernetes.job_runner import KubernetesJobRunner
from pullsecret.infrastructure.kubernetes.paths import job_path, secret_path
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.ports.job_runner import Busy, Existing, Submitted
from pullsecret.testing.contracts.job_runner import SUCCESS, next_finished
from pullsecret.testing.contracts.job_runner_clean_up import CLEANED_UP
from pullsecret.testing.contracts.samples import new_clean_up, new_order
from pullsecret.testing.kubernetes.system import System

pytestmark = [pytest.mark.service, pytest.mark.asyncio]

CALLS_OF_A_SUBMISSION = 4
"""Create the secret, create the job, look for others, tie the two."""

CREATES_THE_JOB = 2


class CrashError(Exception):
    """The process is dead."""


class DyingApi(KubernetesApi):
    """Dies before its call number ``fatal``, or right after it took effect."""

    def __init__(self, configuration: Any, fatal: int, *, after: bool) -> None:
        super().__init__(configuration)
        self.calls = 0
        self._fatal = fatal
        self._after = after

    async def call(self, verb: str, path: str, *arguments: Any, **options: Any) -> Answer:
        self.calls += 1
        if self.calls == self._fatal and not self._after:
            raise CrashError
        answer = await super().call(verb, path, *arguments, **options)
        if self.calls == self._fatal:
            raise CrashError
        return answer


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fatal", range(1, CALLS_OF_A_SUBMISSION + 1))
@pytest.mark.parametrize(
    ("new", "result"), [(new_order, SUCCESS), (new_clean_up, CLEANED_UP)], ids=["provision", "clean-up"]
)
async def test_a_crash_at_any_call_of_a_submission(
    admin: KubernetesApi,
    system: System,
    jobs: ObedientJobs,
    new: Callable[[], AnyOrder],
    result: AnyResult,
    fatal: int,
    after: bool,
) -> None:
    order = new()
    async with DyingApi(await system.connect(), fatal, after=after) as dying:
        with pytest.raises(CrashError):
            await KubernetesJobRunner(dying, jobs.settings, MemoryTelemetry()).submit(order)
    # What happens next in the replica that takes over: it sweeps, and the event comes again.
    survivor = jobs.another_replica()
    await survivor.sweep()
    answer = await survivor.submit(order)
    assert isinstance(answer, Submitted | Existing)
    await survivor.release(order.key)
    await eventually(lambda: jobs.started(order.key))
    (job,) = await survivor.jobs(order.key.cluster_id)
    assert job.state == Running()
    await jobs.end(order.key, result)
    await next_finished(survivor, order.key, jobs.patience)
    assert (await admin.list(secret_path(system.namespace), labels=marks.OUR_JOBS))[0] == []
    assert len((await admin.list(job_path(system.namespace)))[0]) == 1


async def test_a_submission_is_of_as_many_calls_as_are_tried_above(
    system: System, jobs: ObedientJobs
) -> None:
    async with DyingApi(await system.connect(), 0, after=False) as counted:
        runner = KubernetesJobRunner(counted, jobs.settings, MemoryTelemetry())
        assert isinstance(await runner.submit(new_order()), Submitted)
        assert counted.calls == CALLS_OF_A_SUBMISSION


@pytest.mark.parametrize("finder", ["release", "sweep"])
async def test_an_older_job_that_a_crash_left_after_a_newer_one_is_never_run(
    admin: KubernetesApi, system: System, jobs: ObedientJobs, finder: str
) -> None:
    newer = new_order(generation=2)
    await jobs.finish(newer, SUCCESS)
    older = new_order(newer.target.cluster_id)
    async with DyingApi(await system.connect(), CREATES_THE_JOB, after=True) as dying:
        with pytest.raises(CrashError):
            await KubernetesJobRunner(dying, jobs.settings, MemoryTelemetry()).submit(older)
    if finder == "sweep":
        await jobs.runner.sweep()
    await jobs.runner.release(older.key)
    (job,) = await jobs.runner.jobs(newer.target.cluster_id)
    assert job.key == newer.key
    assert (await admin.list(secret_path(system.namespace), labels=marks.OUR_JOBS))[0] == []
    assert not await jobs.started(older.key)


async def test_a_job_that_another_replica_releases_before_its_submission_has_ended_goes_on(
    system: System, jobs: ObedientJobs
) -> None:
    order = new_order()

    class Overtaken(KubernetesApi):
        async def call(self, verb: str, path: str, *arguments: Any, **options: Any) -> Answer:
            answer = await super().call(verb, path, *arguments, **options)
            if (verb, path) == ("create", job_path(system.namespace)):
                await jobs.another_replica().release(order.key)
            return answer

    async with Overtaken(await system.connect()) as api:
        answer = await KubernetesJobRunner(api, jobs.settings, MemoryTelemetry()).submit(order)
    assert isinstance(answer, Submitted)
    (job,) = await jobs.runner.jobs(order.target.cluster_id)
    assert job.state == Running()
    await eventually(lambda: jobs.started(order.key))


async def test_a_replica_that_looks_late_leaves_a_job_that_has_run_meanwhile(
    system: System, jobs: ObedientJobs
) -> None:
    order = new_order()
    async with DyingApi(await system.connect(), CREATES_THE_JOB, after=True) as dying:
        with pytest.raises(CrashError):
            await KubernetesJobRunner(dying, jobs.settings, MemoryTelemetry()).submit(order)

    class Paused(KubernetesApi):
        """Somebody else does all of the work before this one writes."""

        async def call(self, verb: str, path: str, *arguments: Any, **options: Any) -> Answer:
            if verb == "patch" and not done:
                done.append(True)
                await jobs.finish(order, SUCCESS)
            return await super().call(verb, path, *arguments, **options)

    done: list[bool] = []
    async with Paused(await system.connect()) as api:
        await KubernetesJobRunner(api, jobs.settings, MemoryTelemetry()).release(order.key)
    assert done
    (job,) = await jobs.runner.jobs(order.target.cluster_id)
    assert job.key == order.key
    assert isinstance(job.state, Finished)


async def test_an_older_job_whose_payload_was_removed_as_abandoned_is_not_run_after_a_newer_one(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    older = new_order()

    class Stalled(KubernetesApi):
        """Stalls before it makes the Job, for so long that a newer generation comes to its end."""

        async def call(self, verb: str, path: str, *arguments: Any, **options: Any) -> Answer:
            if (verb, path) == ("create", job_path(system.namespace)):
                ours, _ = await admin.list(secret_path(system.namespace), labels=marks.OUR_JOBS)
                for secret in ours:
                    await admin.call("delete", secret_path(system.namespace, secret["metadata"]["name"]))
                await jobs.finish(newer, SUCCESS)
                await super().call(verb, path, *arguments, **options)
                raise CrashError
            return await super().call(verb, path, *arguments, **options)

    newer = new_order(older.target.cluster_id, generation=2)
    async with Stalled(await system.connect()) as api:
        with pytest.raises(CrashError):
            await KubernetesJobRunner(api, jobs.settings, MemoryTelemetry()).submit(older)
    await jobs.runner.release(older.key)
    (job,) = await jobs.runner.jobs(newer.target.cluster_id)
    assert job.key == newer.key
    assert not await jobs.started(older.key)


async def test_generations_submitted_at_once_by_replicas_make_one_job(jobs: ObedientJobs) -> None:
    first = new_order()
    orders = [new_order(first.target.cluster_id, generation=number) for number in range(1, 7)]
    answers = await asyncio.gather(*(jobs.another_replica().submit(order) for order in orders))
    assert sum(isinstance(answer, Submitted) for answer in answers) == 1
    assert sum(isinstance(answer, Busy) for answer in answers) == len(orders) - 1
    (job,) = await jobs.runner.jobs(first.target.cluster_id)
    assert job.active


async def test_a_sweep_at_the_worst_moment_costs_a_repetition_and_no_more(
    admin: KubernetesApi, system: System, jobs: ObedientJobs
) -> None:
    order = new_order()

    class Overtaken(KubernetesApi):
        async def call(self, verb: str, path: str, *arguments: Any, **options: Any) -> Answer:
            if (verb, path) == ("create", job_path(system.namespace)) and not swept:
                swept.append(await jobs.another_replica().sweep())
            return await super().call(verb, path, *arguments, **options)

    swept: list[int] = []
    async with Overtaken(await system.connect()) as api:
        answer = await KubernetesJobRunner(api, jobs.settings, MemoryTelemetry()).submit(order)
    assert swept == [1]
    assert isinstance(answer, Submitted)
    assert await jobs.payload_kept(order)
    (job,) = await jobs.runner.jobs(order.target.cluster_id)
    assert job == answer.job
