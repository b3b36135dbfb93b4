"""The adapter: its loops, started together and stopped in order."""

import asyncio

import attrs

from pullsecret.application.admit_jobs import AdmitJobs
from pullsecret.application.consume_events import ConsumeEvents
from pullsecret.application.report_jobs import ReportJobs
from pullsecret.application.retry_jobs import RetryJobs
from pullsecret.ports.job_runner import JobRunner


@attrs.frozen
class Adapter:
    """Everything a replica does. Any number of replicas may run at once."""

    jobs: JobRunner
    consume: ConsumeEvents
    admit: AdmitJobs
    report: ReportJobs
    retry: RetryJobs

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep, then work until ``stop`` is set; events in hand are finished, unfinished jobs go on without
        the adapter and are reported by whichever replica is there."""
        await self.jobs.sweep()
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(self.admit()),
                tasks.create_task(self.report()),
                tasks.create_task(self.retry()),
            ]
            await self.consume(stop)
            for task in background:
                task.cancel()
