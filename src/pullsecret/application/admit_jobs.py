"""Lets queued jobs run as the limits allow (DDR risk 2)."""

import asyncio

import attrs

from pullsecret.domain.admission import ConcurrencyLimits, admit
from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.domain.facts import Interrupted, JobReleased, JobsSeen
from pullsecret.domain.provisioning import Running
from pullsecret.ports.job_runner import JobRunner
from pullsecret.ports.telemetry import Telemetry


@attrs.frozen
class AdmitJobs:
    """Releases queued jobs, oldest first. Woken by each hand-over and each end, and every ``interval``; many
    that come at once are one look, since a look reads every unfinished job."""

    jobs: JobRunner
    telemetry: Telemetry
    limits: ConcurrencyLimits
    interval: float = 5.0
    breath: float = 0.3
    """Seconds between two looks at least."""
    _wanted: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    def wake(self) -> None:
        """Look soon: something was queued or has ended."""
        self._wanted.set()

    async def __call__(self) -> None:
        """Admit for ever."""
        while True:
            self._wanted.clear()
            try:
                await self.admit_once()
            except OperationError as error:
                self.telemetry.record(Interrupted(error.operation, self.interval, error))
            await asyncio.sleep(self.breath)
            await self._wait()

    async def admit_once(self) -> None:
        """Release what may run now. Raises the job runner's transient errors."""
        unfinished = await self.jobs.unfinished()
        running = sum(isinstance(job.state, Running) for job in unfinished)
        self.telemetry.record(JobsSeen(len(unfinished) - running, running))
        for key in admit(unfinished, self.limits):
            try:
                await self.jobs.release(key)
            except PermanentError as error:
                # One that can never be released must not hold up those behind it.
                self.telemetry.record(Interrupted(error.operation, self.interval, error))
            else:
                self.telemetry.record(JobReleased(key))

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.interval - self.breath):
                await self._wanted.wait()
        except TimeoutError:
            return
