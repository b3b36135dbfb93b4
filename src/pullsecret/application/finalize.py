"""Cleans up after a cluster that is being deleted, and says when nothing is left."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import attrs

from pullsecret.application.outcomes import Finalized, Outcome, Postponed, Refused
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.cluster_secret import PublishedSecret
from pullsecret.domain.conditions import StatusReport
from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.facts import StatusNotTold, StepDone
from pullsecret.domain.finalization import (
    Deletion,
    cloud_secret_of,
    finalized_report,
    finalizing_report,
    remains,
    unfinalized_report,
)
from pullsecret.domain.ownership import Decision, decide
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_secrets import ClusterSecrets
from pullsecret.ports.job_runner import JobRunner
from pullsecret.ports.secret_store import SecretStore
from pullsecret.ports.status_sink import StatusSink
from pullsecret.ports.telemetry import Telemetry


@attrs.frozen
class FinalizePolicy:
    """What an operator decides about deletions."""

    stored_secret: Deletion = Deletion.DELETE
    """Whether a deleted cluster's stored secret is deleted too."""
    settle: float = attrs.field(default=30.0, validator=attrs.validators.ge(0))
    """Seconds after a deletion was asked for before which its end is not told. Longer than any replica takes
    to hand over a job for what it read before, so that no job can begin after the clean-up."""
    give_up_after: float = attrs.field(default=3600.0, validator=attrs.validators.gt(0))
    """Seconds after which what still cannot be deleted is left behind, by name, and the deletion goes on."""


@attrs.frozen
class FinalizeCluster:
    """Deletes what is ours, cloud first. It may be repeated and interrupted anywhere: it looks, then acts.

    A secret whose labels do not name this very cluster is never touched.
    """

    store: SecretStore
    cluster_secrets: ClusterSecrets
    jobs: JobRunner
    status: StatusSink
    clock: Clock
    telemetry: Telemetry
    policy: FinalizePolicy

    async def __call__(self, cluster: Cluster) -> Outcome:
        """Clean up after ``cluster``, which is being deleted.

        ``Postponed`` while a job of it may still write; ``Refused`` with what a person has to mend; then
        ``Finalized``. Raises :class:`TransientError` if it should be tried again later.
        """
        known = await self.jobs.jobs(cluster.id)
        if any(job.active for job in known):
            return await self._postponed(cluster, "its last job has not ended.")
        places = remains(cluster, known)
        run = _CleanUp(self, cluster, self._given_up(cluster))
        for published in places.cluster_secrets:
            await run.look_at(published)
        for stored in dict.fromkeys([*places.cloud_secrets, *run.origins]):
            await run.delete_stored(stored)
        await run.delete_published()
        if run.failure is not None and not run.giving_up:
            await self._tell(unfinalized_report(cluster, run.failure, self.clock.now()))
            return Refused(run.failure)
        if not self._settled(cluster):
            return await self._postponed(cluster, "work begun before is given time to end.")
        await self.status.post(finalized_report(cluster, run.retained, run.left, self.clock.now()))
        return Finalized(tuple(run.left))

    def _given_up(self, cluster: Cluster) -> bool:
        return cluster.deleted_at is not None and self._age(cluster.deleted_at) >= self.policy.give_up_after

    def _settled(self, cluster: Cluster) -> bool:
        return cluster.deleted_at is None or self._age(cluster.deleted_at) >= self.policy.settle

    def _age(self, since: datetime) -> float:
        return (self.clock.now() - since).total_seconds()

    async def _postponed(self, cluster: Cluster, why: str) -> Postponed:
        await self._tell(finalizing_report(cluster, why, self.clock.now()))
        return Postponed(f"the cluster is being deleted: {why}")

    async def _tell(self, report: StatusReport) -> None:
        try:
            await self.status.post(report)
        except (TransientError, PermanentError) as error:
            self.telemetry.record(StatusNotTold(report.cluster_id, error))


@attrs.define
class _CleanUp:
    """One pass over the places."""

    use: FinalizeCluster
    cluster: Cluster
    giving_up: bool
    failure: OperationError | None = None
    """The first one."""
    found: list[PublishedSecret] = attrs.field(factory=list)
    origins: list[CloudSecretRef] = attrs.field(factory=list)
    """Where the found cluster secrets say they came from, which spec and jobs may have forgotten."""
    retained: list[str] = attrs.field(factory=list)
    left: list[str] = attrs.field(factory=list)

    async def look_at(self, ref: ClusterSecretRef) -> None:
        """Find the cluster secret, if it is ours."""
        with self._noting(ref.path):
            secret = await self.use.cluster_secrets.get(ref)
            if secret is None or not self._is_ours(secret.labels):
                return
            self.found.append(secret)
            if (origin := cloud_secret_of(secret)) is not None:
                self.origins.append(origin)

    async def delete_stored(self, ref: CloudSecretRef) -> None:
        """Delete the stored secret, unless policy keeps it or it is not ours."""
        with self._noting(ref.path):
            secret = await self.use.store.get(ref)
            if secret is None or not self._is_ours(secret.labels):
                return
            if self.use.policy.stored_secret is Deletion.RETAIN:
                self.retained.append(ref.path)
                return
            await self.use.store.delete(secret)
            self._done(ref.project, "delete-secret", f"Deleted {ref.path}")

    async def delete_published(self) -> None:
        """Delete the cluster secrets that were found."""
        for secret in self.found:
            with self._noting(secret.ref.path):
                await self.use.cluster_secrets.delete(secret)
                project = self.cluster.project or ""
                self._done(project, "delete-cluster-secret", f"Deleted {secret.ref.path}")

    @contextmanager
    def _noting(self, path: str) -> Iterator[None]:
        """One place that cannot be cleaned keeps no other one from it."""
        try:
            yield
        except OperationError as error:
            if isinstance(error, TransientError) and not self.giving_up:
                raise
            self.failure = self.failure or error
            self.left.append(path)

    def _is_ours(self, labels: Mapping[str, str]) -> bool:
        return decide(labels, self.cluster.id) is Decision.UNCHANGED

    def _done(self, project: str, operation: str, message: str) -> None:
        self.use.telemetry.record(StepDone(self.cluster.id, project, operation, message))
