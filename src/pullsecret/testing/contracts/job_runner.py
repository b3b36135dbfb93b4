"""What every JobRunner does."""

import asyncio
from contextlib import aclosing

import attrs
import pytest

from pullsecret.domain.events import TraceContext
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import (
    Failure,
    Finished,
    ProvisionJob,
    ProvisionOrder,
    ProvisionResult,
    Queued,
    Running,
)
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.ports.job_runner import Busy, Existing, Submitted
from pullsecret.testing.contracts.job_runner_clean_up import CleanUpJobsContract
from pullsecret.testing.contracts.job_runner_harness import JobRunnerHarness, next_finished
from pullsecret.testing.contracts.samples import new_order

__all__ = ["FAILURE", "SUCCESS", "JobRunnerContract", "JobRunnerHarness", "next_finished"]

SUCCESS = ProvisionResult(
    Stage.PUBLISHED, Change.UPDATED, "7", duration=1.5, calls={"AddSecretVersion/OK": 1, "GetSecret/OK": 2}
)
FAILURE = ProvisionResult(
    Stage.VERIFIED,
    Change.UNCHANGED,
    "3",
    Failure(Reason.CLUSTER_SECRET_CONFLICT, "The Kubernetes secret is not ours."),
    duration=0.25,
)
FAILURE_FOR_NOW = attrs.evolve(FAILURE, failure=Failure(Reason.QUOTA_EXCEEDED, "No quota is left."))


@pytest.mark.asyncio
class JobRunnerContract(CleanUpJobsContract):
    """Subclass it and override :meth:`harness`."""

    @pytest.fixture
    def order(self) -> ProvisionOrder:
        """An order never submitted before."""
        return new_order()

    async def test_a_submitted_job_is_queued_and_known(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        answer = await harness.runner.submit(order)
        assert isinstance(answer, Submitted)
        job = await self.the_job(harness.another_replica(), order)
        assert job == answer.job
        assert job.key == order.key
        assert isinstance(job, ProvisionJob)
        assert job.target == order.target
        assert job.state == Queued()
        assert job in await harness.runner.unfinished()
        assert await harness.payload_kept(order)

    async def test_a_job_exists_from_its_submission_on(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        another = harness.another_replica()
        assert not await another.exists(order.key)
        await harness.runner.submit(order)
        assert await another.exists(order.key)
        assert not await another.exists(attrs.evolve(order.key, attempt=2))

    async def test_a_job_does_not_start_before_its_release(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        await harness.runner.submit(order)
        await asyncio.sleep(harness.moment)
        assert not await harness.started(order.key)
        await harness.runner.release(order.key)
        await harness.runner.release(order.key)
        await self.eventually(harness, lambda: harness.started(order.key))
        assert (await self.the_job(harness.runner, order)).state == Running()

    async def test_a_job_keeps_the_trace_of_its_order(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        trace = TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=1")
        await harness.runner.submit(attrs.evolve(order, trace=trace))
        assert (await self.the_job(harness.another_replica(), order)).trace == trace

    async def test_the_same_key_is_one_job(self, harness: JobRunnerHarness, order: ProvisionOrder) -> None:
        first = await harness.runner.submit(order)
        second = await harness.another_replica().submit(order)
        assert isinstance(first, Submitted)
        assert second == Existing(first.job)

    async def test_submitting_at_once_makes_one_job(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        runners = [harness.runner, harness.another_replica()] * 3
        answers = await asyncio.gather(*(runner.submit(order) for runner in runners))
        assert sum(isinstance(answer, Submitted) for answer in answers) == 1
        await self.the_job(harness.runner, order)

    @pytest.mark.parametrize("released", [False, True], ids=["queued", "running"])
    async def test_a_cluster_has_one_unfinished_job(
        self, harness: JobRunnerHarness, order: ProvisionOrder, released: bool
    ) -> None:
        await harness.runner.submit(order)
        if released:
            await harness.runner.release(order.key)
        newer = new_order(order.target.cluster_id, generation=2)
        answer = await harness.another_replica().submit(newer)
        assert isinstance(answer, Busy)
        assert answer.job.key == order.key
        assert not await harness.payload_kept(newer) or await harness.payload_kept(order)

    async def test_other_clusters_are_not_held_up(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        await harness.runner.submit(order)
        assert isinstance(await harness.runner.submit(new_order()), Submitted)

    @pytest.mark.parametrize("result", [SUCCESS, FAILURE], ids=["success", "failure"])
    async def test_an_end_is_brought_with_its_result(
        self, harness: JobRunnerHarness, order: ProvisionOrder, result: ProvisionResult
    ) -> None:
        job = await self.ended(harness, order, result)
        assert isinstance(job.state, Finished)
        assert job.state.result == result
        assert not job.state.reported
        assert isinstance(job, ProvisionJob)
        assert job.target == order.target
        assert job.submitted_at <= job.state.at

    async def test_after_the_end_the_next_generation_may_come(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        await self.ended(harness, order, SUCCESS)
        newer = new_order(order.target.cluster_id, generation=2)
        assert isinstance(await harness.runner.submit(newer), Submitted)

    async def test_an_older_generation_is_refused_after_a_newer_one(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        newer = new_order(order.target.cluster_id, generation=2)
        await self.finish(harness, newer, SUCCESS)
        for reported in (False, True):
            await next_finished(harness.runner, newer.key, harness.patience)
            if reported:
                await harness.runner.mark_reported(newer.key)
            for runner in (harness.runner, harness.another_replica()):
                for attempt in (1, 2):
                    late = new_order(order.target.cluster_id, attempt=attempt)
                    answer = await runner.submit(late)
                    assert isinstance(answer, Busy)
                    assert answer.job.key == newer.key
                    assert not await harness.payload_kept(late)
        await self.the_job(harness.runner, newer)

    async def test_another_attempt_is_another_job(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        await self.ended(harness, order, FAILURE)
        second = new_order(order.target.cluster_id, attempt=2)
        assert isinstance(await harness.runner.submit(second), Submitted)
        keys = {job.key for job in await harness.runner.jobs(order.target.cluster_id)}
        assert keys == {order.key, second.key}

    async def test_an_unreported_end_is_brought_again_also_to_another_replica(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        await self.ended(harness, order, SUCCESS)
        await next_finished(harness.another_replica(), order.key, harness.patience)
        times = 0
        async with asyncio.timeout(harness.patience), aclosing(harness.runner.finished()) as finished:
            async for job in finished:
                times += job.key == order.key
                if times == 2:
                    break

    async def test_a_reported_end_is_not_brought_again(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        await self.ended(harness, order, SUCCESS)
        await harness.runner.mark_reported(order.key)
        await harness.runner.mark_reported(order.key)
        job = await self.the_job(harness.another_replica(), order)
        assert isinstance(job.state, Finished)
        assert job.state.reported
        assert job.state.result == SUCCESS
        with pytest.raises(TimeoutError):
            await next_finished(harness.another_replica(), order.key, 3 * harness.moment)

    @pytest.mark.parametrize("followed", [False, True], ids=["asked", "watching"])
    async def test_what_failed_for_now_goes_again_from_its_report_until_the_next_attempt(
        self, harness: JobRunnerHarness, order: ProvisionOrder, followed: bool
    ) -> None:
        runner = harness.another_replica()

        async def goes_again() -> bool:
            return order.key in {job.key for job in await runner.going_again()}

        async def goes_no_more() -> bool:
            return not await goes_again()

        await self.finish(harness, order, FAILURE_FOR_NOW)
        async with aclosing(runner.finished()) as finished:
            if followed:
                async with asyncio.timeout(harness.patience):
                    while (await anext(finished)).key != order.key:
                        continue
            else:
                await next_finished(harness.runner, order.key, harness.patience)
            assert await goes_no_more()
            await runner.mark_reported(order.key)
            await self.eventually(harness, goes_again)
            (job,) = (job for job in await runner.going_again() if job.key == order.key)
            assert isinstance(job.state, Finished)
            assert job.state.result == FAILURE_FOR_NOW
            await harness.runner.submit(new_order(order.target.cluster_id, attempt=2))
            await self.eventually(harness, goes_no_more)

    @pytest.mark.parametrize("result", [SUCCESS, FAILURE], ids=["success", "failure"])
    async def test_what_landed_or_failed_for_good_does_not_go_again(
        self, harness: JobRunnerHarness, order: ProvisionOrder, result: ProvisionResult
    ) -> None:
        await self.ended(harness, order, result)
        await harness.runner.mark_reported(order.key)
        assert order.key not in {job.key for job in await harness.runner.going_again()}

    async def test_with_an_end_all_jobs_of_its_cluster_are_known(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        await self.finish(harness, order, SUCCESS)
        newer = new_order(order.target.cluster_id, generation=2)

        async def submitted() -> bool:
            return isinstance(await harness.another_replica().submit(newer), Submitted)

        await self.eventually(harness, submitted)
        async with asyncio.timeout(harness.patience), aclosing(harness.runner.finished()) as finished:
            async for job in finished:
                if job.key == order.key:
                    break
            known = await harness.runner.known(order.target.cluster_id)
            assert {job.key for job in known} == {order.key, newer.key}
            (ended,) = (job for job in known if job.key == order.key)
            assert isinstance(ended.state, Finished)
            assert ended.state.result == SUCCESS
        known = await harness.runner.known(order.target.cluster_id)
        assert {job.key for job in known} == {order.key, newer.key}

    async def test_a_process_that_dies_is_an_end_too(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        await harness.runner.submit(order)
        await harness.runner.release(order.key)
        await self.eventually(harness, lambda: harness.started(order.key))
        await harness.kill(order.key)
        job = await next_finished(harness.runner, order.key, harness.patience)
        assert isinstance(job.state, Finished)
        failure = job.state.result.failure
        assert failure is not None
        assert failure.reason.outlook is Outlook.TRANSIENT

    async def test_the_payload_goes_with_the_end(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        await self.ended(harness, order, SUCCESS)

        async def gone() -> bool:
            return not await harness.payload_kept(order)

        await self.eventually(harness, gone)

    async def test_sweeping_removes_what_a_crash_left_and_nothing_else(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        left = new_order()
        await harness.leave_payload(left)
        await harness.runner.submit(order)
        assert await harness.runner.sweep() == 1
        assert not await harness.payload_kept(left)
        assert await harness.payload_kept(order)

    async def test_what_is_not_there_is_let_be(
        self, harness: JobRunnerHarness, order: ProvisionOrder
    ) -> None:
        await harness.runner.release(order.key)
        await harness.runner.mark_reported(order.key)
        assert await harness.runner.jobs(ClusterId("cls-never-seen")) == []
