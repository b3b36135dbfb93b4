"""The job runner, embedded: durable jobs, each run as a task of its own."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import TypeVar

import attrs

from pullsecret.domain.clean_up import CleanUpJob, CleanUpOrder, CleanUpResult
from pullsecret.domain.facts import InternalFault
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob, AnyKey, AnyOrder, in_the_way
from pullsecret.domain.provisioning import (
    Failure,
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionOrder,
    ProvisionResult,
    Queued,
    Running,
)
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Stage
from pullsecret.infrastructure.going_again import GoingAgain
from pullsecret.infrastructure.memory.faults import FaultScript, ProcessCrash
from pullsecret.ports.clock import Clock
from pullsecret.ports.job_runner import Busy, Existing, Submitted
from pullsecret.ports.telemetry import Telemetry

RunJob = Callable[[ProvisionOrder], Awaitable[ProvisionResult]]
RunCleanUp = Callable[[CleanUpOrder], Awaitable[CleanUpResult]]
Result = TypeVar("Result")


@attrs.frozen
class JobTimes:
    """How long things last, in seconds."""

    deadline: float = 600.0
    """A job still running after this is stopped (``JobTimedOut``)."""
    keep_reported: float = 3600.0
    """How long a reported job is remembered."""
    remind: float = 5.0
    """After this an unreported job is brought again."""


@attrs.define
class MemoryJobs:
    """What the control plane keeps: jobs, and the payloads of the unfinished ones."""

    orders: dict[ProvisionKey, ProvisionOrder] = attrs.field(factory=dict)
    """The temporary payloads."""
    made: int = 0
    """How many jobs there have been so far."""
    ended: int = 0
    """How many of them have ended."""
    job_ended: asyncio.Condition = attrs.field(factory=asyncio.Condition)
    brought: dict[AnyKey, float] = attrs.field(factory=dict)
    """Until when a finished job is left to the replica it was brought to."""
    processes: set["asyncio.Task[None]"] = attrs.field(factory=set)
    _of_cluster: dict[ClusterId, dict[AnyKey, AnyJob]] = attrs.field(factory=dict)
    _unfinished: dict[AnyKey, AnyJob] = attrs.field(factory=dict)
    _unreported: dict[AnyKey, AnyJob] = attrs.field(factory=dict)
    _to_bring: list[tuple[float, int, AnyKey]] = attrs.field(factory=list)
    """A heap of unreported jobs by the time from which they may be brought, and of some reported since."""
    _order: "itertools.count[int]" = attrs.field(factory=itertools.count)
    _going_again: GoingAgain = attrs.field(factory=GoingAgain)

    def put(self, job: AnyJob) -> None:
        """Keep ``job`` in place of what was known of it."""
        jobs = self._of_cluster.setdefault(job.key.cluster_id, {})
        self.made += job.key not in jobs
        jobs[job.key] = job
        self._unfinished.pop(job.key, None)
        self._unreported.pop(job.key, None)
        if not isinstance(job.state, Finished):
            self._unfinished[job.key] = job
        elif not job.state.reported:
            self._unreported[job.key] = job
            self._bring(job.key, self.brought.get(job.key, 0.0))
        self._going_again.note(job.key.cluster_id, jobs.values())

    def get(self, key: AnyKey) -> AnyJob | None:
        """The job, if it is known."""
        return self._of_cluster.get(key.cluster_id, {}).get(key)

    def of_cluster(self, cluster_id: ClusterId) -> list[AnyJob]:
        """The jobs of one cluster."""
        return list(self._of_cluster.get(cluster_id, {}).values())

    def all(self) -> list[AnyJob]:
        """Every job."""
        return [job for jobs in self._of_cluster.values() for job in jobs.values()]

    def unfinished(self) -> list[AnyJob]:
        """Queued and running jobs."""
        return list(self._unfinished.values())

    def unreported(self) -> list[AnyJob]:
        """Finished jobs whose status was not told yet."""
        return list(self._unreported.values())

    def going_again(self) -> list[AnyJob]:
        """The newest job of each cluster if another attempt is to follow it."""
        return list(self._going_again.jobs())

    def next_to_bring(self, now: float, remind: float) -> AnyJob | None:
        """An unreported job that was not brought within the last ``remind`` seconds, if there is one; it
        counts as brought now."""
        while self._to_bring and self._to_bring[0][0] <= now:
            _, _, key = heapq.heappop(self._to_bring)
            job = self._unreported.get(key)
            if job is not None and now >= self.brought.get(key, now):
                self.brought[key] = now + remind
                self._bring(key, now + remind)
                return job
        return None

    def forget(self, cluster_id: ClusterId, before: datetime) -> None:
        """Forget the cluster's jobs that were reported and ended before ``before``."""
        jobs = self._of_cluster.get(cluster_id, {})
        for key, job in list(jobs.items()):
            if isinstance(job.state, Finished) and job.state.reported and job.state.at < before:
                del jobs[key]
        self._going_again.note(cluster_id, jobs.values())

    def _bring(self, key: AnyKey, at: float) -> None:
        heapq.heappush(self._to_bring, (at, next(self._order), key))


@attrs.frozen
class MemoryJobRunner:
    """JobRunner port. Replicas share one :class:`MemoryJobs`; jobs outlive the replica that started them."""

    state: MemoryJobs
    run_job: RunJob
    clock: Clock
    faults: FaultScript
    telemetry: Telemetry
    times: JobTimes = attrs.field(factory=JobTimes)
    run_clean_up: RunCleanUp = attrs.field(kw_only=True)

    async def submit(self, order: AnyOrder) -> Submitted | Existing | Busy:
        """See the port."""
        async with self._call("submit", order.key.name):
            return self._submit(order)

    def _submit(self, order: AnyOrder) -> Submitted | Existing | Busy:
        if known := self.state.get(order.key):
            return Existing(known)
        if other := in_the_way(self.state.of_cluster(order.key.cluster_id), order.key):
            return Busy(other)
        job: AnyJob
        if isinstance(order, CleanUpOrder):
            job = CleanUpJob(order, Queued(), self.clock.now())
        else:
            job = ProvisionJob(order.key, order.target, Queued(), self.clock.now(), trace=order.trace)
            self.state.orders[order.key] = order
        self.state.put(job)
        return Submitted(job)

    async def release(self, key: AnyKey) -> None:
        """See the port."""
        async with self._call("release", key.name):
            job = self.state.get(key)
            if job and isinstance(job.state, Queued):
                self.state.put(attrs.evolve(job, state=Running()))
                process = asyncio.get_running_loop().create_task(self._run(job))
                self.state.processes.add(process)
                process.add_done_callback(self.state.processes.discard)

    async def jobs(self, cluster_id: ClusterId | None = None) -> Sequence[AnyJob]:
        """See the port."""
        async with self._call("jobs", "jobs" if cluster_id is None else f"jobs of {cluster_id}"):
            if cluster_id is None:
                return self.state.all()
            keep = timedelta(seconds=self.times.keep_reported)
            self.state.forget(cluster_id, self.clock.now() - keep)
            return self.state.of_cluster(cluster_id)

    async def known(self, cluster_id: ClusterId) -> Sequence[AnyJob]:
        """See the port."""
        return await self.jobs(cluster_id)

    async def exists(self, key: AnyKey) -> bool:
        """See the port."""
        async with self._call("exists", key.name):
            return self.state.get(key) is not None

    async def unfinished(self) -> Sequence[AnyJob]:
        """See the port."""
        async with self._call("unfinished", "jobs"):
            return self.state.unfinished()

    async def going_again(self) -> Sequence[AnyJob]:
        """See the port."""
        async with self._call("going-again", "jobs"):
            return self.state.going_again()

    async def finished(self) -> AsyncGenerator[AnyJob, None]:
        """See the port."""
        while True:
            seen = self.state.ended
            while job := self.state.next_to_bring(self.clock.monotonic(), self.times.remind):
                yield job
            await self._wait_for_more_than(seen)

    async def mark_reported(self, key: AnyKey) -> None:
        """See the port."""
        async with self._call("mark-reported", key.name):
            match self.state.get(key):
                case ProvisionJob(state=Finished() as landed) as job:
                    self.state.put(attrs.evolve(job, state=attrs.evolve(landed, reported=True)))
                case CleanUpJob(state=Finished() as cleaned_up) as clean_up:
                    self.state.put(attrs.evolve(clean_up, state=attrs.evolve(cleaned_up, reported=True)))
            self.state.brought.pop(key, None)

    async def sweep(self) -> int:
        """See the port."""
        async with self._call("sweep", "jobs"):
            left = [key for key in self.state.orders if not self._active(key)]
            for key in left:
                del self.state.orders[key]
        return len(left)

    def _active(self, key: ProvisionKey) -> bool:
        job = self.state.get(key)
        return job is not None and job.active

    async def _run(self, job: AnyJob) -> None:
        ended: AnyJob
        if isinstance(job, CleanUpJob):
            result = await self._watched(job, self.run_clean_up(job.order), _clean_up_lost)
            ended = attrs.evolve(job, state=Finished(result, self.clock.now()))
        else:
            landed = await self._watched(job, self.run_job(self.state.orders[job.key]), _lost)
            self.state.orders.pop(job.key, None)
            ended = attrs.evolve(job, state=Finished(landed, self.clock.now()))
        # What was asked of it meanwhile is kept.
        if known := self.state.get(job.key):
            self.state.put(attrs.evolve(ended, retry_asked=known.retry_asked))
        async with self.state.job_ended:
            self.state.ended += 1
            self.state.job_ended.notify_all()

    async def _watched(
        self, job: AnyJob, process: Awaitable[Result], lost: Callable[[Reason, str], Result]
    ) -> Result:
        """The result of the job's ``process``, or why there is none."""
        try:
            async with asyncio.timeout(self.times.deadline):
                return await process
        except TimeoutError:
            return lost(Reason.JOB_TIMED_OUT, f"The job did not end within {self.times.deadline:.0f} s.")
        except ProcessCrash:
            return lost(Reason.JOB_LOST, "The job's process died without a word.")
        except Exception as error:
            self.telemetry.record(InternalFault("run-job", type(error).__name__, job.key.cluster_id))
            return lost(Reason.JOB_LOST, f"The job's process ended with {type(error).__name__}.")

    async def _wait_for_more_than(self, ended: int) -> None:
        try:
            async with asyncio.timeout(self.times.remind), self.state.job_ended:
                await self.state.job_ended.wait_for(lambda: self.state.ended > ended)
        except TimeoutError:
            return

    def _call(self, method: str, subject: str) -> AbstractAsyncContextManager[None]:
        return self.faults.at(f"job-runner.{method}", subject, Reason.KUBERNETES_UNAVAILABLE)


def _lost(reason: Reason, message: str) -> ProvisionResult:
    return ProvisionResult(stage=Stage.STARTED, failure=Failure(reason, message))


def _clean_up_lost(reason: Reason, message: str) -> CleanUpResult:
    return CleanUpResult(failure=Failure(reason, message))
