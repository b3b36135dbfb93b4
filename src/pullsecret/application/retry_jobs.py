"""Starts jobs that failed for now once more, after growing pauses, and any job once more when asked to."""

from collections.abc import Callable

import attrs

from pullsecret.application.outcomes import JobSubmitted
from pullsecret.application.reconcile_cluster import ReconcileCluster, adapter_event
from pullsecret.domain.errors import OperationError
from pullsecret.domain.facts import InternalFault, Interrupted
from pullsecret.domain.jobs import AnyJob, AnyKey, is_due_again
from pullsecret.ports.clock import Clock
from pullsecret.ports.job_runner import JobRunner
from pullsecret.ports.telemetry import Telemetry


@attrs.frozen
class RetryJobs:
    """Looks every ``interval`` seconds for reported jobs whose pause is over, or that a person wants anew."""

    jobs: JobRunner
    reconcile: ReconcileCluster
    clock: Clock
    telemetry: Telemetry
    on_submitted: Callable[[], None]
    interval: float = 5.0
    fruitless_pause: float = 60.0
    """Seconds until a job is looked at again after which no attempt could be made."""
    _looked_at: dict[AnyKey, float] = attrs.field(factory=dict, init=False)

    async def __call__(self) -> None:
        """Retry for ever."""
        while True:
            await self.clock.sleep(self.interval)
            try:
                await self.retry_once()
            except OperationError as error:
                self.telemetry.record(Interrupted(error.operation, self.interval, error))

    async def retry_once(self) -> None:
        """Hand over a new attempt for each cluster whose newest job is due.

        Raises what the job runner raises; one cluster that fails does not hold up the others.
        """
        waiting = await self.jobs.going_again()
        self._forget_but({job.key for job in waiting})
        for job in waiting:
            if self._due(job):
                await self._retry(job)

    async def _retry(self, job: AnyJob) -> None:
        cluster_id = job.key.cluster_id
        try:
            event = adapter_event(cluster_id, "pullsecret.retry")
            outcome = await self.reconcile(event, again=job.retry_asked)
        except OperationError as error:
            self.telemetry.record(Interrupted(error.operation, self.interval, error))
        except Exception as error:
            self.telemetry.record(InternalFault("retry-job", type(error).__name__, cluster_id))
        else:
            self._looked_at[job.key] = self.clock.monotonic()
            if isinstance(outcome, JobSubmitted):
                self.on_submitted()

    def _forget_but(self, keys: set[AnyKey]) -> None:
        for key in self._looked_at.keys() - keys:
            del self._looked_at[key]

    def _due(self, job: AnyJob) -> bool:
        looked_at = self._looked_at.get(job.key)
        if looked_at is not None and self.clock.monotonic() - looked_at < self.fruitless_pause:
            return False
        return is_due_again(job, self.reconcile.policy.failed_job_pause, self.clock.now())
