"""What the suite of JobRunner needs: a harness around the runner under test, and ways to wait."""

import asyncio
from contextlib import aclosing
from typing import Protocol

import pytest

from pullsecret.domain.jobs import AnyJob, AnyKey, AnyOrder, AnyResult
from pullsecret.domain.provisioning import ProvisionOrder
from pullsecret.ports.job_runner import JobRunner


class JobRunnerHarness(Protocol):
    """What the suite needs beside the runner."""

    runner: JobRunner
    """The runner under test, reminding of unreported jobs within two of :attr:`moment`."""
    patience: float
    """Seconds within which everything that is to happen has happened, however busy the machine is."""
    moment: float
    """Seconds within which what happens at once has happened, as a rule."""

    def another_replica(self) -> JobRunner:
        """A second runner on the same durable state."""
        ...

    async def started(self, key: AnyKey) -> bool:
        """Whether the job's process has been started."""
        ...

    async def end(self, key: AnyKey, result: AnyResult) -> None:
        """Let the released job's process end and say ``result``."""
        ...

    async def kill(self, key: AnyKey) -> None:
        """Let the released job's process die without a word."""
        ...

    async def payload_kept(self, order: AnyOrder) -> bool:
        """Whether the order's payload is still kept."""
        ...

    async def leave_payload(self, order: ProvisionOrder) -> None:
        """Do what a crash could leave behind: a kept payload without a job."""
        ...


async def next_finished(runner: JobRunner, key: AnyKey, patience: float) -> AnyJob:
    """The next time the runner brings the finished job ``key``."""
    async with asyncio.timeout(patience), aclosing(runner.finished()) as finished:
        async for job in finished:
            if job.key == key:
                return job
    raise AssertionError("the stream of finished jobs ended")


class JobRunnerSuite:
    """Subclass it and override :meth:`harness`."""

    @pytest.fixture
    async def harness(self) -> JobRunnerHarness:
        """The runner under test and its surroundings."""
        raise NotImplementedError

    async def the_job(self, runner: JobRunner, order: AnyOrder) -> AnyJob:
        """The one job known of the order's cluster."""
        (job,) = await runner.jobs(order.key.cluster_id)
        return job

    async def finish(self, harness: JobRunnerHarness, order: AnyOrder, result: AnyResult) -> None:
        """Submit, release and end the order's job."""
        await harness.runner.submit(order)
        await harness.runner.release(order.key)
        await self.eventually(harness, lambda: harness.started(order.key))
        await harness.end(order.key, result)

    async def ended(self, harness: JobRunnerHarness, order: AnyOrder, result: AnyResult) -> AnyJob:
        """The order's job, submitted, released and ended, as the runner brings it."""
        await self.finish(harness, order, result)
        return await next_finished(harness.runner, order.key, harness.patience)

    async def eventually(self, harness: JobRunnerHarness, condition: "Condition") -> None:
        """Wait until ``condition`` holds."""
        async with asyncio.timeout(harness.patience):
            while not await condition():
                await asyncio.sleep(harness.moment / 20)


class Condition(Protocol):
    """A question that can be asked again."""

    async def __call__(self) -> bool: ...
