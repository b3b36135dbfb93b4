"""What a clean-up job does: delete a deleted cluster's secrets, cloud first."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import attrs

from pullsecret.application.job_run import Pauses, never
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.clean_up import CleanUpOrder, CleanUpResult, Deletion
from pullsecret.domain.cluster_secret import PublishedSecret
from pullsecret.domain.errors import OperationError, TransientError
from pullsecret.domain.facts import InternalFault, StepDone
from pullsecret.domain.ownership import Decision, decide
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, Failure
from pullsecret.domain.reasons import Reason
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_secrets import ClusterSecrets, NamespaceMissingError, NamespaceNotReadyError
from pullsecret.ports.secret_store import SecretStore
from pullsecret.ports.telemetry import Telemetry

Place = TypeVar("Place")
Found = TypeVar("Found")


@attrs.frozen
class CleanUpPolicy:
    """What an operator decides about how hard one job tries."""

    backoff: Backoff = attrs.field(factory=Backoff)
    budget: float = attrs.field(default=300.0, validator=attrs.validators.gt(0))
    """Seconds after which no further retry is started."""


@attrs.frozen
class CleanUp:
    """Deletes what is ours. It may be repeated and interrupted anywhere: it looks, then acts.

    A secret whose labels do not name this very cluster is never touched.
    """

    store: SecretStore
    cluster_secrets: ClusterSecrets
    clock: Clock
    telemetry: Telemetry
    policy: CleanUpPolicy
    stopping: Callable[[], bool] = never
    """Asked before each step; once true, no further step is taken (``JobInterrupted``)."""

    async def __call__(self, order: CleanUpOrder) -> CleanUpResult:
        """Carry out ``order``. Every failure is told in the result; only cancellation is raised."""
        started = self.clock.monotonic()
        run = _Run(self, order)
        deadline, cluster_id = started + self.policy.budget, order.key.cluster_id
        await run.to_the_end(Pauses(cluster_id, self.policy.backoff, deadline, self.clock, self.telemetry))
        given_up = run.failures and run.may_give_up
        return CleanUpResult(
            deleted=tuple(run.deleted),
            retained=tuple(run.retained),
            left=tuple(run.failures) if given_up else (),
            failure=None if given_up else next(iter(run.failures.values()), None),
            duration=self.clock.monotonic() - started,
        )


@attrs.define
class _Run:
    """One order being carried out: passes over its places, until nothing more can be hoped for now."""

    use: CleanUp
    order: CleanUpOrder
    failures: dict[str, Failure] = attrs.field(factory=dict)
    """By path: what the last pass could not clean."""
    passing: list[TransientError] = attrs.field(factory=list)
    """Of its failures those that another pass may not meet."""
    deleted: list[str] = attrs.field(factory=list)
    retained: dict[str, None] = attrs.field(factory=dict)

    @property
    def may_give_up(self) -> bool:
        """True if what cannot be deleted may be left; never because we were told to stop."""
        told_to_stop = any(each.reason is Reason.JOB_INTERRUPTED for each in self.failures.values())
        at = self.order.give_up_at
        return at is not None and self.use.clock.now() >= at and not told_to_stop

    async def to_the_end(self, pauses: Pauses) -> None:
        """Pass over the places, after growing pauses while a failure may be a passing one."""
        attempt = 1
        while True:
            await self.look_and_delete()
            if not self.passing or self.use.stopping():
                return
            if not await pauses.after(attempt, *self.passing):
                return
            attempt += 1

    async def look_and_delete(self) -> None:
        """One pass. One place that cannot be cleaned keeps no other one from it."""
        self.failures, self.passing = {}, []
        found = [
            secret
            for ref in self.order.places.cluster_secrets
            if (secret := await self._at(ref.path, self._look_at, ref)) is not None
        ]
        # Cluster secrets say where they came from and where before, which spec and jobs may have forgotten.
        noted = [ref for secret in found for ref in secret.cloud_secrets]
        for stored in dict.fromkeys([*self.order.places.cloud_secrets, *noted]):
            await self._at(stored.path, self._delete_stored, stored)
        for published in found:
            if not self._alone_knows_what_is_left(published):
                await self._at(published.ref.path, self._delete_published, published)

    def _alone_knows_what_is_left(self, published: PublishedSecret) -> bool:
        """True if the next attempt needs the cluster secret to find a stored one."""
        if self.may_give_up:
            return False
        ordered = self.order.places.cloud_secrets
        return any(ref.path in self.failures and ref not in ordered for ref in published.cloud_secrets)

    async def _look_at(self, ref: ClusterSecretRef) -> PublishedSecret | None:
        """The cluster secret, if it is ours."""
        try:
            secret = await self.use.cluster_secrets.get(ref)
        except NamespaceNotReadyError:
            raise
        except NamespaceMissingError:
            return None  # and its secrets with it
        return secret if secret is not None and self._is_ours(secret.labels) else None

    async def _delete_stored(self, ref: CloudSecretRef) -> None:
        """Delete the stored secret, unless policy keeps it or it is not ours."""
        secret = await self.use.store.get(ref)
        if secret is None or not self._is_ours(secret.labels):
            return
        if self.order.stored_secret is Deletion.RETAIN:
            self.retained[ref.path] = None
            return
        await self.use.store.delete(secret)
        self._done("delete-secret", ref.project, ref.path)

    async def _delete_published(self, secret: PublishedSecret) -> None:
        await self.use.cluster_secrets.delete(secret)
        self._done("delete-cluster-secret", self.order.places.project, secret.ref.path)

    async def _at(
        self, path: str, step: Callable[[Place], Awaitable[Found | None]], place: Place
    ) -> Found | None:
        """Take ``step`` and note what fails; none is taken once we are told to stop."""
        if self.use.stopping():
            text = "Told to stop before it was looked at; nothing was left half done."
            self.failures[path] = Failure(Reason.JOB_INTERRUPTED, text)
            return None
        try:
            return await step(place)
        except OperationError as error:
            self.failures[path] = Failure(error.reason, str(error))
            if isinstance(error, TransientError):
                self.passing.append(error)
        except Exception as error:
            kind = type(error).__name__
            self.use.telemetry.record(InternalFault("clean-up", kind, self.order.key.cluster_id))
            self.failures[path] = Failure(Reason.INTERNAL_ERROR, f"{kind} in the job; see its log.")
        return None

    def _is_ours(self, labels: Mapping[str, str]) -> bool:
        return decide(labels, self.order.key.cluster_id) is Decision.UNCHANGED

    def _done(self, operation: str, project: str, path: str) -> None:
        self.deleted.append(path)
        cluster_id = self.order.key.cluster_id
        self.use.telemetry.record(StepDone(cluster_id, project, operation, f"Deleted {path}"))
