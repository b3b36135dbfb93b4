"""What every JobRunner does with clean-ups."""

import asyncio

import pytest

from pullsecret.domain.clean_up import CleanUpJob, CleanUpOrder, CleanUpResult
from pullsecret.domain.provisioning import Failure, Finished, ProvisionResult, Queued
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.ports.job_runner import Busy, Existing, Submitted
from pullsecret.testing.contracts.job_runner_harness import JobRunnerHarness, JobRunnerSuite, next_finished
from pullsecret.testing.contracts.samples import new_clean_up, new_order

CLEANED_UP = CleanUpResult(
    deleted=("clusters-1/cls-1-pull-secret",),
    retained=("projects/customer-project/secrets/hyperfleet-cls-1-pull-secret",),
    left=("projects/older-project/secrets/hyperfleet-cls-1-pull-secret",),
    duration=0.5,
    calls={"GetSecret/OK": 2},
)
NOT_CLEANED_UP = CleanUpResult(
    failure=Failure(Reason.PERMISSION_DENIED, "It lacks secretmanager.secrets.delete."), duration=0.25
)
_LANDED = ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1")


@pytest.mark.asyncio
class CleanUpJobsContract(JobRunnerSuite):
    """Part of the suite of JobRunner."""

    @pytest.fixture
    def clean_up(self) -> CleanUpOrder:
        """An order never submitted before."""
        return new_clean_up()

    async def test_a_clean_up_is_known_with_its_whole_order_and_has_no_payload(
        self, harness: JobRunnerHarness, clean_up: CleanUpOrder
    ) -> None:
        answer = await harness.runner.submit(clean_up)
        assert isinstance(answer, Submitted)
        assert await harness.another_replica().submit(clean_up) == Existing(answer.job)
        job = await self.the_job(harness.another_replica(), clean_up)
        assert job == answer.job
        assert isinstance(job, CleanUpJob)
        assert job.order == clean_up
        assert job.state == Queued()
        assert job in await harness.runner.unfinished()
        assert not await harness.payload_kept(clean_up)
        assert not await harness.started(clean_up.key)

    @pytest.mark.parametrize("result", [CLEANED_UP, NOT_CLEANED_UP], ids=["success", "failure"])
    async def test_a_clean_up_s_end_is_brought_with_its_result_until_it_is_reported(
        self, harness: JobRunnerHarness, clean_up: CleanUpOrder, result: CleanUpResult
    ) -> None:
        await self.finish(harness, clean_up, result)
        await next_finished(harness.another_replica(), clean_up.key, harness.patience)
        job = await next_finished(harness.runner, clean_up.key, harness.patience)
        assert isinstance(job, CleanUpJob)
        assert isinstance(job.state, Finished)
        assert job.state.result == result
        assert not job.state.reported
        assert job.order == clean_up
        await harness.runner.mark_reported(clean_up.key)
        job = await self.the_job(harness.another_replica(), clean_up)
        assert isinstance(job.state, Finished)
        assert job.state.reported
        assert job.state.result == result
        # A further attempt is a job of its own.
        again = new_clean_up(clean_up.key.cluster_id, attempt=2)
        assert isinstance(await harness.runner.submit(again), Submitted)

    async def test_a_clean_up_whose_process_dies_is_an_end_too(
        self, harness: JobRunnerHarness, clean_up: CleanUpOrder
    ) -> None:
        await harness.runner.submit(clean_up)
        await harness.runner.release(clean_up.key)
        await self.eventually(harness, lambda: harness.started(clean_up.key))
        await harness.kill(clean_up.key)
        job = await next_finished(harness.runner, clean_up.key, harness.patience)
        assert isinstance(job, CleanUpJob)
        assert isinstance(job.state, Finished)
        assert job.state.result.failure is not None
        assert job.state.result.failure.reason.outlook is Outlook.TRANSIENT

    async def test_a_clean_up_and_a_provisioning_wait_for_each_other(self, harness: JobRunnerHarness) -> None:
        order = new_order()
        clean_up = new_clean_up(order.target.cluster_id)
        await harness.runner.submit(order)
        busy = await harness.another_replica().submit(clean_up)
        assert isinstance(busy, Busy)
        assert busy.job.key == order.key
        await harness.runner.release(order.key)
        await self.eventually(harness, lambda: harness.started(order.key))
        await harness.end(order.key, _LANDED)
        await next_finished(harness.runner, order.key, harness.patience)
        assert isinstance(await harness.runner.submit(clean_up), Submitted)
        busy = await harness.another_replica().submit(new_order(order.target.cluster_id, generation=2))
        assert isinstance(busy, Busy)
        assert busy.job.key == clean_up.key
        assert {job.key for job in await harness.runner.jobs(order.target.cluster_id)} == {
            order.key,
            clean_up.key,
        }

    async def test_of_a_clean_up_and_a_provisioning_submitted_at_once_one_is_made(
        self, harness: JobRunnerHarness
    ) -> None:
        order = new_order()
        clean_up = new_clean_up(order.target.cluster_id)
        runners = [harness.runner, harness.another_replica()]
        answers = await asyncio.gather(
            *(runner.submit(each) for runner in runners for each in (order, clean_up))
        )
        assert sum(isinstance(answer, Submitted) for answer in answers) == 1
        await self.the_job(harness.runner, order)

    async def test_nothing_is_provisioned_after_its_clean_up_but_for_a_newer_generation(
        self, harness: JobRunnerHarness
    ) -> None:
        clean_up = new_clean_up(generation=2)
        cluster_id = clean_up.key.cluster_id
        await self.ended(harness, clean_up, CLEANED_UP)
        await harness.runner.mark_reported(clean_up.key)
        for generation in (1, 2):
            late = new_order(cluster_id, generation)
            assert isinstance(await harness.another_replica().submit(late), Busy)
            assert not await harness.payload_kept(late)
        assert isinstance(await harness.runner.submit(new_order(cluster_id, generation=3)), Submitted)
