"""Lets queued jobs run as the limits allow (DDR risk 2)."""

import asyncio

import attrs

from pullsecret.domain.admission import ConcurrencyLimits, admit
from pullsecret.domain.errors import OperationError
from pullsecret.domain.facts import Interrupted, JobReleased, JobsSeen
from pullsecret.domain.jobs import AnyKey
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
    at_once: int = 16
    """Jobs released side by side: one after the other, many short jobs would wait for the releases."""
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
        """Release what may run now. Raises the job runner's transient errors if it cannot tell what that is;
        what cannot be released is seen again at the next look."""
        unfinished = await self.jobs.unfinished()
        running = sum(isinstance(job.state, Running) for job in unfinished)
        self.telemetry.record(JobsSeen(len(unfinished) - running, running))
        room = asyncio.Semaphore(self.at_once)
        async with asyncio.TaskGroup() as tasks:
            for key in admit(unfinished, self.limits):
                tasks.create_task(self._release(key, room))

    async def _release(self, key: AnyKey, room: asyncio.Semaphore) -> None:
        """One that cannot be released does not hold up those behind it."""
        try:
            async with room:
                await self.jobs.release(key)
        except OperationError as error:
            self.telemetry.record(Interrupted(error.operation, self.interval, error))
        else:
            self.telemetry.record(JobReleased(key))

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.interval - self.breath):
                await self._wanted.wait()
        except TimeoutError:
            return
