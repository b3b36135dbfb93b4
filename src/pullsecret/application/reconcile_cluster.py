"""Brings one cluster's newest generation into a job (DDR phases 2 and 3)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import attrs

from pullsecret.application.expression_environment import cluster_environment
from pullsecret.application.finalize import FinalizeCluster
from pullsecret.application.outcomes import JobSubmitted, Outcome, Postponed, Refused, Skipped
from pullsecret.application.preconditions import first_unmet
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.clean_up import CleanUpJob
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.cluster_document import ClusterDocumentPaths, UnreadableClusterError
from pullsecret.domain.conditions import (
    UNOBSERVED,
    StatusReport,
    in_progress_report,
    job_report,
    refusal_report,
    waiting_report,
)
from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.domain.events import ClusterEvent, TraceContext
from pullsecret.domain.facts import ClusterRefused, HandedOver, SkipReason, StatusNotTold
from pullsecret.domain.finalization import stored_before
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.jobs import AnyJob, age_order, next_attempt
from pullsecret.domain.provisioning import (
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionResult,
    provision_order,
    provision_target,
)
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.rollout import Rollout
from pullsecret.expressions import Program
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_catalog import CatalogEntry, ClusterCatalog
from pullsecret.ports.job_runner import Busy, Existing, JobRunner, Submitted
from pullsecret.ports.status_sink import StatusSink
from pullsecret.ports.telemetry import Telemetry

_OUT_OF_SIGHT = {*UNOBSERVED, Reason.JOB_INTERRUPTED}
_MAY_WRITE_FOR = timedelta(seconds=30)
"""After the end of a job for one of these reasons, within which it may still write."""


def adapter_event(cluster_id: ClusterId, kind: str) -> ClusterEvent:
    """An event the adapter gives itself, to reconcile a cluster that nobody asked about."""
    return ClusterEvent(id=f"{kind}-{cluster_id}", source="pullsecret", type=kind, cluster_id=cluster_id)


@attrs.frozen
class ReconcilePolicy:
    """What an operator decides about reconciling."""

    preconditions: Sequence[Program]
    document_paths: ClusterDocumentPaths
    report_waiting: bool = False
    """Tell the API about an unmet precondition and a running job too; today's Sentinel asks again until it
    hears something."""
    failed_job_pause: Backoff = attrs.field(factory=lambda: Backoff(initial=30, factor=2, maximum=1800))
    """Between the end of a job that failed for now and its next attempt."""


@attrs.frozen
class ReconcileCluster:
    """Fetch, evaluate, decide, hand over.

    Safe to call any number of times, at once, by several replicas, with old events: the cluster is read anew
    each time, and the job runner makes one job of equal orders.
    """

    catalog: ClusterCatalog
    jobs: JobRunner
    status: StatusSink
    clock: Clock
    telemetry: Telemetry
    policy: ReconcilePolicy
    finalize: FinalizeCluster | None = None
    """None leaves deletions to somebody else."""
    rollout: Rollout = attrs.field(factory=Rollout)
    """Asked here, where whatever is done about a cluster comes by: events, further attempts and repairs."""

    async def __call__(self, event: ClusterEvent, *, again: bool = False) -> Outcome:
        """Reconcile the event's cluster; ``again`` asks for a new attempt even if the last succeeded.

        Raises :class:`TransientError` if the API or the job runner does not answer; nothing is lost then,
        call again.
        """
        if not self.rollout.includes(event.cluster_id):
            return Skipped(SkipReason.NOT_ROLLED_OUT)
        try:
            entry = await self.catalog.get(event.cluster_id)
        except PermanentError as error:
            generation = error.generation if isinstance(error, UnreadableClusterError) else None
            return await self._refuse(event.cluster_id, generation, error)
        if entry is None:
            gone = Skipped(SkipReason.CLUSTER_GONE)
            return await self.finalize.of_vanished(event.cluster_id) if self.finalize else gone
        cluster = entry.cluster
        if cluster.deleting:
            deleting = Skipped(SkipReason.DELETING)
            return await self.finalize(cluster, event.trace) if self.finalize else deleting
        # What is told about work in progress is no newer than this look, so that the API can tell that it is
        # older than an end which another replica tells meanwhile. What is known may be older still: a running
        # job is looked at again, and of one that the hand-over finds the end is told anew.
        looked_at = self.clock.now()
        known = await self.jobs.known(cluster.id)
        if any(job.key.generation > cluster.generation for job in known):
            return Skipped(SkipReason.STALE)
        latest = _latest(known, cluster.generation)
        if unmet := first_unmet(self.policy.preconditions, self._environment(event, entry)):
            if latest is not None:
                # What its job left stands, and so does what is told of it.
                return await self._nothing_to_do(latest, again) or unmet
            await self._tell_waiting(cluster, unmet, looked_at)
            return unmet
        elsewhere = latest if latest is not None and _was_sent_elsewhere(latest, cluster) else None
        if too_early := self._too_early(known, cluster.generation, elsewhere):
            return too_early
        again = again or elsewhere is not None
        if latest and (skipped := await self._nothing_to_do(latest, again)):
            return skipped
        attempt = latest.key.attempt + 1 if latest else 1
        # A retry that no event asks for goes on in the trace of what failed.
        trace = event.trace or (latest.trace if latest and not again else None)
        return await self._hand_over(cluster, attempt, trace, known, looked_at)

    def _too_early(
        self, known: Sequence[AnyJob], generation: Generation, elsewhere: ProvisionJob | None
    ) -> Postponed | None:
        """``elsewhere`` is the generation's last job if it was sent to where the cluster no longer is."""
        if older := _to_end_first(known, generation):
            return _busy(older)
        if lost := self._may_still_write(known, generation):
            return Postponed(f"{lost.key.name} may still write: nobody saw its end")
        return _busy(elsewhere) if elsewhere is not None and elsewhere.active else None

    async def _nothing_to_do(self, latest: ProvisionJob, again: bool) -> Skipped | None:
        if not isinstance(latest.state, Finished):
            # A further attempt leaves standing what was told of the last, or each would make it flap.
            if self.policy.report_waiting and latest.key.attempt == 1:
                await self._tell_running(latest)
            return Skipped(SkipReason.ALREADY_RUNNING)
        if again:
            return None
        failure = latest.state.result.failure
        if failure is None:
            skip = SkipReason.ALREADY_DONE
        elif failure.reason.outlook is not Outlook.TRANSIENT:
            skip = SkipReason.ALREADY_FAILED
        elif not latest.state.reported or self._pauses_after(latest.key, latest.state):
            skip = SkipReason.RETRY_PENDING
        else:
            return None
        if latest.state.reported:
            await self._tell_anew(latest, latest.state)
        return Skipped(skip)

    async def _tell_anew(self, latest: ProvisionJob, end: Finished[ProvisionResult]) -> None:
        """So that a reader that waits for a sign of life gets one; the content is the same. Nothing is told
        where another attempt was made that was not known: its own end may have been told by now."""
        looked_at = self.clock.now()
        following = attrs.evolve(latest.key, attempt=latest.key.attempt + 1)
        if not await self.jobs.exists(following):
            await self._tell(job_report(latest, end, looked_at))

    def _pauses_after(self, failed: ProvisionKey, finished: Finished[Any]) -> bool:
        return self.clock.now() < next_attempt(failed, finished, self.policy.failed_job_pause)

    def _may_still_write(self, known: Sequence[AnyJob], generation: Generation) -> AnyJob | None:
        """An older generation's job that ended lately and out of sight. What it still stores would come on
        top of what the newer generation's job does."""
        now = self.clock.now()
        for job in known:
            if job.key.generation == generation or not isinstance(job.state, Finished):
                continue
            failure = job.state.result.failure
            if (
                failure is not None
                and failure.reason in _OUT_OF_SIGHT
                and now < job.state.at + _MAY_WRITE_FOR
            ):
                return job
        return None

    async def _hand_over(
        self,
        cluster: Cluster,
        attempt: int,
        trace: TraceContext | None,
        known: Sequence[AnyJob],
        looked_at: datetime,
    ) -> Outcome:
        try:
            order = provision_order(cluster, attempt, trace, stored_before(known))
        except PermanentError as error:
            return await self._refuse(cluster.id, cluster.generation, error)
        if attempt == 1:
            # Before the hand-over: afterwards the job may end at once and its report must be the last word.
            await self._tell(in_progress_report(order.target, looked_at))
        match await self.jobs.submit(order):
            case Busy(job):
                return _busy(job)
            case Existing(ProvisionJob() as job) if job.active or _was_told(job):
                return await self._nothing_to_do(job, False) or _busy(job)
            case Existing(job):
                # Its end may be told before what was told just now: whoever comes again tells it anew.
                return _busy(job)
            case Submitted(job):
                self.telemetry.record(HandedOver(job.key, job.project))
                return JobSubmitted(job)

    async def _refuse(
        self, cluster_id: ClusterId, generation: Generation | None, error: PermanentError
    ) -> Refused:
        self.telemetry.record(ClusterRefused(cluster_id, error))
        # Of a document without a usable generation nothing can be told: a status always speaks of one.
        if generation is not None:
            try:
                await self.status.post(refusal_report(cluster_id, generation, error, self.clock.now()))
            except PermanentError as refusal:
                self.telemetry.record(StatusNotTold(cluster_id, refusal))
        return Refused(error)

    async def _tell_running(self, job: ProvisionJob) -> None:
        """Tell that ``job`` works, if it still does: its end may have been told since that was known."""
        looked_at = self.clock.now()
        if any(now.key == job.key and now.active for now in await self.jobs.jobs(job.key.cluster_id)):
            await self._tell(in_progress_report(job.target, looked_at))

    async def _tell_waiting(self, cluster: Cluster, unmet: Skipped, looked_at: datetime) -> None:
        if self.policy.report_waiting:
            await self._tell(waiting_report(cluster.id, cluster.generation, unmet.detail, looked_at))

    async def _tell(self, report: StatusReport) -> None:
        """Tell what is good to know but decides nothing: a failure to tell it does not stop the work."""
        try:
            await self.status.post(report)
        except (TransientError, PermanentError) as error:
            self.telemetry.record(StatusNotTold(report.cluster_id, error))

    def _environment(self, event: ClusterEvent, entry: CatalogEntry) -> dict[str, object]:
        return cluster_environment(event, entry, self.policy.document_paths)


def _latest(known: Sequence[AnyJob], generation: Generation) -> ProvisionJob | None:
    """The last attempt at provisioning the generation."""
    mine = [job for job in known if isinstance(job, ProvisionJob) and job.key.generation == generation]
    return max(mine, key=lambda job: job.key, default=None)


def _was_sent_elsewhere(job: ProvisionJob, cluster: Cluster) -> bool:
    """True if placement, which makes no new generation, names another namespace by now."""
    with suppress(PermanentError):
        return job.target.cluster_secret != provision_target(cluster).cluster_secret
    return False


def _was_told(job: ProvisionJob) -> bool:
    return isinstance(job.state, Finished) and job.state.reported


def _to_end_first(known: Sequence[AnyJob], generation: Generation) -> AnyJob | None:
    """The older generation's job that has to end first, and to be told first if nothing newer is known: so
    the API hears of the generations in their order. Also this generation's clean-up: then what was read of
    the cluster is older than its deletion."""
    newest = max((job.key for job in known), key=age_order, default=None)
    for job in known:
        if job.key.generation == generation:
            if isinstance(job, CleanUpJob):
                return job
            continue
        untold = job.key == newest and isinstance(job.state, Finished) and not job.state.reported
        if job.active or untold:
            return job
    return None


def _busy(job: AnyJob) -> Postponed:
    return Postponed(f"generation {job.key.generation} is still worked on")
