"""The adapter: its loops, started together and stopped in order."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import attrs

from pullsecret.application.admit_jobs import AdmitJobs
from pullsecret.application.consume_events import ConsumeEvents
from pullsecret.application.repair_drift import RepairDrift
from pullsecret.application.report_jobs import ReportJobs
from pullsecret.application.retry_jobs import RetryJobs
from pullsecret.domain.errors import OperationError, TransientError
from pullsecret.domain.facts import Interrupted
from pullsecret.ports.clock import Clock
from pullsecret.ports.job_runner import JobRunner
from pullsecret.ports.telemetry import Telemetry

_PAUSE_AFTER_FAILED_START = 5.0
_SWEEP_EVERY = 60.0


@attrs.frozen
class Adapter:
    """Everything a replica does. Any number of replicas may run at once."""

    jobs: JobRunner
    consume: ConsumeEvents
    admit: AdmitJobs
    report: ReportJobs
    retry: RetryJobs
    repair: RepairDrift | None
    """None leaves drifted cluster secrets to somebody else."""
    clock: Clock
    telemetry: Telemetry

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; events in hand are finished, unfinished jobs go on without the adapter
        and are reported by whichever replica is there.

        Raises :class:`PermanentError` if the broker refuses us: that is for a person to mend.
        """
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(loop()) for loop in self._loops()]
            await self._consume_until(stop)
            for task in background:
                task.cancel()

    def _loops(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        loops = [self._sweep, self.admit.__call__, self.report.__call__, self.retry.__call__]
        return loops if self.repair is None else [*loops, self.repair.__call__]

    async def _sweep(self) -> None:
        """Remove what a crash left, and what a call left that took effect after everybody had given it up."""
        while True:
            try:
                await self.jobs.sweep()
            except OperationError as error:
                self._tell_of_pause(error)
                await self.clock.sleep(_PAUSE_AFTER_FAILED_START)
            else:
                await self.clock.sleep(_SWEEP_EVERY)

    async def _consume_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.consume(stop)
            except* TransientError as errors:
                cause = errors.exceptions[0]
                while isinstance(cause, BaseExceptionGroup):
                    cause = cause.exceptions[0]
                if isinstance(cause, TransientError):
                    self._tell_of_pause(cause)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_PAUSE_AFTER_FAILED_START):
                            await stop.wait()

    def _tell_of_pause(self, error: OperationError) -> None:
        self.telemetry.record(Interrupted(error.operation, _PAUSE_AFTER_FAILED_START, error))
