"""Tells the HyperFleet API how each finished job ended (DDR phase 6)."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, nullcontext

import attrs

from pullsecret.application.outcomes import Postponed, Skipped
from pullsecret.application.reconcile_cluster import ReconcileCluster, adapter_event
from pullsecret.domain.conditions import job_report
from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.domain.facts import InternalFault, JobEnded, SkipReason, StatusNotTold, StatusTold
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import Finished, Job
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Change
from pullsecret.ports.clock import Clock
from pullsecret.ports.job_runner import JobRunner
from pullsecret.ports.status_sink import StatusSink
from pullsecret.ports.telemetry import Telemetry


@attrs.frozen
class ReportJobs:
    """Reports each finished job at least once, newest generation last.

    A job is marked reported only after its status was taken; until then the runner brings it again, also
    after a restart. A job of an older generation than one already known is not told: its words would be
    taken for the newer one's.
    """

    jobs: JobRunner
    status: StatusSink
    reconcile: ReconcileCluster
    clock: Clock
    telemetry: Telemetry
    on_finished: Callable[[], None]
    """Called for each finished job: its place is free."""
    concurrency: int = 64

    async def __call__(self) -> None:
        """Report for ever."""
        in_hand: set[ClusterId] = set()
        room = asyncio.Semaphore(self.concurrency)
        async with aclosing(self.jobs.finished()) as finished, asyncio.TaskGroup() as tasks:
            async for job in finished:
                self.on_finished()
                if job.key.cluster_id in in_hand:
                    continue  # it comes again
                in_hand.add(job.key.cluster_id)
                tasks.create_task(self._report_safely(job, room, in_hand))

    async def _report_safely(self, job: Job, room: asyncio.Semaphore, in_hand: set[ClusterId]) -> None:
        try:
            await self.report(job, room)
        except OperationError as error:
            self.telemetry.record(StatusNotTold(job.key.cluster_id, error))
        except Exception as error:
            self.telemetry.record(InternalFault("report-job", type(error).__name__, job.key.cluster_id))
        finally:
            in_hand.discard(job.key.cluster_id)

    async def report(self, job: Job, room: asyncio.Semaphore | None = None) -> None:
        """Tell the API about ``job`` and mark it reported; only the telling takes a place in ``room``.

        Raises :class:`TransientError` if that is not yet possible; the job then comes again.
        """
        if not isinstance(job.state, Finished):
            return
        async with room or nullcontext():
            done = await self._told_as_due(job, job.state)
        if done:
            await self.jobs.mark_reported(job.key)
            self.telemetry.record(JobEnded(job.key, job.target.cloud_secret.project, job.state.result))

    async def _told_as_due(self, job: Job, finished: Finished) -> bool:
        """Tell what is to be told of ``job``; False if it has to come again."""
        known = {other.key for other in await self.jobs.jobs(job.key.cluster_id)}
        # The runner may have forgotten this very job meanwhile; its end is told nevertheless.
        if job.key == max(known | {job.key}):
            await self._tell(job, finished)
        elif _wrote_too_late(finished):
            return await self._newest_goes_again(job.key.cluster_id)
        return True

    async def _tell(self, job: Job, finished: Finished) -> None:
        report = job_report(job, finished, self.clock.now())
        try:
            receipt = await self.status.post(report)
        except PermanentError as error:
            self.telemetry.record(StatusNotTold(job.key.cluster_id, error))
            return
        delay = (self.clock.now() - finished.at).total_seconds()
        self.telemetry.record(StatusTold(job.key, receipt.value, max(0.0, delay)))

    async def _newest_goes_again(self, cluster_id: ClusterId) -> bool:
        """False if it cannot yet, since a job of it is under way that may have looked too early."""
        outcome = await self.reconcile(adapter_event(cluster_id, "pullsecret.superseded"), again=True)
        under_way = isinstance(outcome, Skipped) and outcome.reason is SkipReason.ALREADY_RUNNING
        return not under_way and not isinstance(outcome, Postponed)


def _wrote_too_late(finished: Finished) -> bool:
    """True if the job added a version and only then saw that a newer generation had taken over."""
    result = finished.result
    superseded = result.failure is not None and result.failure.reason is Reason.SUPERSEDED
    return superseded and result.change in (Change.CREATED, Change.UPDATED)
