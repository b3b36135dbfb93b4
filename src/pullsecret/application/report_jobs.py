"""Tells the HyperFleet API how each finished job ended (DDR phase 6)."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime

import attrs

from pullsecret.application.outcomes import Postponed, Skipped
from pullsecret.application.reconcile_cluster import ReconcileCluster, adapter_event
from pullsecret.domain.clean_up import CleanUpJob, CleanUpResult
from pullsecret.domain.conditions import StatusReport, job_report
from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.domain.facts import (
    CleanUpEnded,
    EndNotMarked,
    InternalFault,
    JobEnded,
    SkipReason,
    StatusNotTold,
    StatusTold,
)
from pullsecret.domain.finalization import clean_up_report
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob, AnyKey, age_order
from pullsecret.domain.provisioning import Finished, ProvisionJob, ProvisionResult
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
        in_hand = _InHand()
        room = asyncio.Semaphore(self.concurrency)
        async with aclosing(self.jobs.finished()) as finished, asyncio.TaskGroup() as tasks:
            async for job in finished:
                self.on_finished()
                if job.key.cluster_id in in_hand.clusters or job.key in in_hand.jobs:
                    continue  # it comes again
                in_hand.clusters.add(job.key.cluster_id)
                in_hand.jobs.add(job.key)
                # The next is asked for once it can be told soon; until then any replica may have it.
                await room.acquire()
                tasks.create_task(self._report_safely(job, room, in_hand))

    async def _report_safely(self, job: AnyJob, room: asyncio.Semaphore, in_hand: "_InHand") -> None:
        """Only the telling needs the place in ``room``, which the caller has taken."""
        try:
            try:
                done = await self._told_as_due(job)
            finally:
                room.release()
                in_hand.clusters.discard(job.key.cluster_id)
            if done:
                await self._mark(job)
        except OperationError as error:
            self.telemetry.record(StatusNotTold(job.key.cluster_id, error))
        except Exception as error:
            self.telemetry.record(InternalFault("report-job", type(error).__name__, job.key.cluster_id))
        finally:
            in_hand.jobs.discard(job.key)

    async def _mark(self, job: AnyJob) -> None:
        try:
            await self.jobs.mark_reported(job.key)
        except OperationError as error:
            self.telemetry.record(EndNotMarked(job.key, error))
        else:
            self.telemetry.record(_ended(job))

    async def _told_as_due(self, job: AnyJob) -> bool:
        """Tell what is to be told of ``job``; False if it goes on, or has to come again."""
        if not isinstance(job.state, Finished):
            return False
        known = {other.key for other in await self.jobs.known(job.key.cluster_id)}
        # The runner may have forgotten this very job meanwhile; its end is told nevertheless.
        if job.key == max({job.key, *known}, key=age_order):
            await self._tell(job, job.state.at)
        elif _wrote_too_late(job.state.result):
            return await self._newest_goes_again(job.key.cluster_id)
        return True

    async def _tell(self, job: AnyJob, ended_at: datetime) -> None:
        report = end_report(job, self.clock.now())
        try:
            receipt = await self.status.post(report)
        except PermanentError as error:
            self.telemetry.record(StatusNotTold(job.key.cluster_id, error))
            return
        delay = (self.clock.now() - ended_at).total_seconds()
        self.telemetry.record(StatusTold(job.key, receipt.value, max(0.0, delay)))

    async def _newest_goes_again(self, cluster_id: ClusterId) -> bool:
        """False if it cannot yet, since a job of it is under way that may have looked too early."""
        outcome = await self.reconcile(adapter_event(cluster_id, "pullsecret.superseded"), again=True)
        under_way = isinstance(outcome, Skipped) and outcome.reason is SkipReason.ALREADY_RUNNING
        return not under_way and not isinstance(outcome, Postponed)


@attrs.frozen
class _InHand:
    clusters: set[ClusterId] = attrs.field(factory=set)
    """Of which an end is being told."""
    jobs: set[AnyKey] = attrs.field(factory=set)
    """Of which the end is being told or marked."""


def end_report(job: AnyJob, now: datetime) -> StatusReport:
    """What the end of ``job`` means for its cluster."""
    match job:
        case ProvisionJob(state=Finished() as finished):
            return job_report(job, finished, now)
        case CleanUpJob(state=Finished() as cleaned_up):
            return clean_up_report(job, cleaned_up, now)
    raise ValueError(f"{job.key.name} has not ended")


def _ended(job: AnyJob) -> JobEnded | CleanUpEnded:
    """What an operator is told about the end of ``job``."""
    match job:
        case ProvisionJob(state=Finished(result=result)):
            return JobEnded(job.key, job.project, result)
        case CleanUpJob(state=Finished(result=cleaned_up)):
            return CleanUpEnded(job.key, job.project, cleaned_up)
    raise ValueError(f"{job.key.name} has not ended")


def _wrote_too_late(result: ProvisionResult | CleanUpResult) -> bool:
    """True if a job added a version and only then saw that a newer generation had taken over."""
    if isinstance(result, CleanUpResult):
        return False
    superseded = result.failure is not None and result.failure.reason is Reason.SUPERSEDED
    return superseded and result.change in (Change.CREATED, Change.UPDATED)
