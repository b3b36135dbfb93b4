"""Has a job clean up after a cluster that is being deleted, and says when nothing is left."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from pullsecret.application.outcomes import Finalized, JobSubmitted, Outcome, Postponed, Skipped
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.clean_up import CleanUpJob, CleanUpKey, CleanUpOrder, Deletion, Remains
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.conditions import StatusReport
from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.domain.events import TraceContext
from pullsecret.domain.facts import HandedOver, SkipReason, StatusNotTold
from pullsecret.domain.finalization import (
    clean_up_report,
    finalizing_report,
    nothing_to_clean_up_report,
    remains,
)
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob, is_due_again, newest_jobs
from pullsecret.domain.provisioning import Finished, ProvisionJob
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_secret_watch import ClusterSecretWatch
from pullsecret.ports.job_runner import Busy, Existing, JobRunner, Submitted
from pullsecret.ports.status_sink import StatusSink
from pullsecret.ports.telemetry import Telemetry

_MAY_STILL_WRITE: Final = "work begun before is given time to end."
_REMEMBERED_FOR: Final = 3600.0
"""Seconds beyond ``settle``; a cluster that waits is looked at much more often."""


@attrs.frozen
class FinalizePolicy:
    """What an operator decides about deletions."""

    stored_secret: Deletion = Deletion.DELETE
    """Whether a deleted cluster's stored secret is deleted too."""
    settle: float = attrs.field(default=30.0, validator=attrs.validators.ge(0))
    """Seconds after a deletion was asked for, and after the end of the cluster's last job, before which the
    clean-up does not begin. Longer than any replica takes to hand over a job for what it read before, and
    than a request of a job lasts whose answer was not waited for, so that none takes effect after it."""
    give_up_after: float = attrs.field(default=3600.0, validator=attrs.validators.gt(0))
    """Seconds after which what still cannot be deleted is left behind, by name, and the deletion goes on."""


@attrs.frozen
class FinalizeCluster:
    """Hands a deleted cluster over to a clean-up job, and to another one for as long as one fails.

    Any replica may be asked, any number of times, and goes on from what is known of the cluster's jobs. Their
    ends are told as those of other jobs are. What a replica keeps beside them is since when it has seen the
    cluster at rest: the times that jobs and deletions tell are of other clocks, and its own may be wrong.
    """

    jobs: JobRunner
    status: StatusSink
    clock: Clock
    telemetry: Telemetry
    policy: FinalizePolicy
    pause: Backoff
    """Between the end of a clean-up that failed, for whatever reason, and its next attempt."""
    watch: ClusterSecretWatch | None = None
    """Sees cluster secrets also where only jobs sent them that are forgotten; None sees none."""
    _at_rest_since: dict[ClusterId, float] = attrs.field(factory=dict, init=False)

    async def __call__(self, cluster: Cluster, trace: TraceContext | None = None) -> Outcome:
        """Have the secrets of ``cluster``, which is being deleted, cleaned up.

        ``Postponed`` while a job of it may still write, or could be handed over; ``JobSubmitted`` once;
        ``Skipped`` while that job works or waits for its next attempt; then ``Finalized``. Raises
        :class:`TransientError` if it should be tried again later.
        """
        # What is told about work in progress is no newer than this look; see ReconcileCluster.
        looked_at = self.clock.now()
        known = await self.jobs.jobs(cluster.id)
        latest = _latest_clean_up(known, cluster)
        if latest is not None and not self._is_due_again(latest):
            return await self._tell_anew(latest)
        if any(job.active for job in known):
            self._at_rest_since.pop(cluster.id, None)
            return await self._postponed(cluster, "its last job has not ended.", looked_at)
        at_rest = self._at_rest_for(cluster.id)
        if not self._settled(cluster, known):
            return await self._postponed(cluster, _MAY_STILL_WRITE, looked_at)
        seen = self.watch.places(cluster.id) if self.watch else ()
        places = remains(cluster, known).and_those_of(Remains(cluster_secrets=tuple(seen)))
        if places.nowhere:
            await self.status.post(nothing_to_clean_up_report(cluster, self.clock.now()))
            return Finalized()
        if latest is None:
            if at_rest < self.policy.settle:
                return await self._postponed(cluster, _MAY_STILL_WRITE, looked_at)
            await self._tell(finalizing_report(cluster, "its secrets are looked for.", looked_at))
        attempt = latest.key.attempt + 1 if latest else 1
        # A retry that no event asks for goes on in the trace of what failed.
        trace = trace or (latest.trace if latest else None)
        return await self._hand_over(self._order(cluster, places, attempt, trace))

    async def of_vanished(self, cluster_id: ClusterId) -> Outcome:
        """Go on with a clean-up that was begun before the API forgot the cluster.

        One that was not begun never is: that an API does not know a cluster is no wish to delete its secrets.
        """
        latest = newest_jobs(await self.jobs.jobs(cluster_id)).get(cluster_id)
        if not isinstance(latest, CleanUpJob) or not self._is_due_again(latest):
            return Skipped(SkipReason.CLUSTER_GONE)
        key = attrs.evolve(latest.key, attempt=latest.key.attempt + 1)
        stored_secret = self.policy.stored_secret
        return await self._hand_over(attrs.evolve(latest.order, key=key, stored_secret=stored_secret))

    def _is_due_again(self, job: CleanUpJob) -> bool:
        return is_due_again(job, self.pause, self.clock.now())

    async def _tell_anew(self, job: CleanUpJob) -> Outcome:
        if not isinstance(job.state, Finished):
            return Skipped(SkipReason.DELETING, "its clean-up is under way")
        if not job.state.reported:
            return Skipped(SkipReason.DELETING, "its clean-up has ended and is about to be told")
        # Told anew, so that a reader that waits for a sign of life gets one; the content is the same.
        await self._tell(clean_up_report(job, job.state, self.clock.now()))
        result = job.state.result
        if result.failure is not None:
            return Skipped(SkipReason.DELETING, f"its clean-up failed: {result.failure.reason}")
        return Finalized(result.left)

    def _order(
        self, cluster: Cluster, places: Remains, attempt: int, trace: TraceContext | None
    ) -> CleanUpOrder:
        asked_at = cluster.deleted_at
        give_up_at = asked_at and asked_at + timedelta(seconds=self.policy.give_up_after)
        key = CleanUpKey(cluster.id, cluster.generation, attempt)
        return CleanUpOrder(key, places, self.policy.stored_secret, give_up_at, trace)

    async def _hand_over(self, order: CleanUpOrder) -> Outcome:
        match await self.jobs.submit(order):
            case Busy():
                return Postponed("the cluster is being deleted: its last job has not ended.")
            case Existing():
                return Skipped(SkipReason.DELETING, "its clean-up is under way")
            case Submitted(job):
                self.telemetry.record(HandedOver(job.key, job.project))
                return JobSubmitted(job)

    def _at_rest_for(self, cluster_id: ClusterId) -> float:
        """Seconds since this replica first saw none of the cluster's jobs at work, by a clock that nobody
        sets."""
        now, since = self.clock.monotonic(), self._at_rest_since
        for forgotten in [
            each for each, then in since.items() if now - then > self.policy.settle + _REMEMBERED_FOR
        ]:
            del since[forgotten]
        return now - since.setdefault(cluster_id, now)

    def _settled(self, cluster: Cluster, known: Sequence[AnyJob]) -> bool:
        moments = [
            job.state.at for job in known if isinstance(job, ProvisionJob) and isinstance(job.state, Finished)
        ]
        if cluster.deleted_at is not None:
            moments.append(cluster.deleted_at)
        return all(self._age(each) >= self.policy.settle for each in moments)

    def _age(self, since: datetime) -> float:
        return (self.clock.now() - since).total_seconds()

    async def _postponed(self, cluster: Cluster, why: str, looked_at: datetime) -> Postponed:
        await self._tell(finalizing_report(cluster, why, looked_at))
        return Postponed(f"the cluster is being deleted: {why}")

    async def _tell(self, report: StatusReport) -> None:
        try:
            await self.status.post(report)
        except (TransientError, PermanentError) as error:
            self.telemetry.record(StatusNotTold(report.cluster_id, error))


def _latest_clean_up(known: Sequence[AnyJob], cluster: Cluster) -> CleanUpJob | None:
    """The last attempt at this generation's clean-up."""
    mine = [job for job in known if isinstance(job, CleanUpJob) and job.key.generation == cluster.generation]
    return max(mine, key=lambda job: job.key, default=None)
