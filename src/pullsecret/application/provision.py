"""What a job does: store, read back, publish (DDR phases 4 and 5)."""

import math
from collections.abc import Awaitable, Callable

import attrs

from pullsecret.application.job_run import Pauses, never
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.cloud_secret import CloudSecret, SecretVersion, UnreadableVersions
from pullsecret.domain.cluster_secret import PublishedSecret, cluster_secret
from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.facts import InternalFault, StepDone
from pullsecret.domain.ownership import Decision, decide, describe_owner, ownership_labels
from pullsecret.domain.provisioning import CloudSecretRef, Failure, ProvisionOrder, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import IllegalTransitionError, SecretLifecycle, Stage
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_secrets import ClusterSecrets
from pullsecret.ports.secret_store import SecretNotFoundError, SecretStore
from pullsecret.ports.telemetry import Telemetry

_LATEST_EFFECT = 15.0
"""Seconds after which a request that was not answered has had its effect, or never will."""

_STOPPED_IN_DOUBT = Failure(
    Reason.JOB_INTERRUPTED,
    "Told to stop while a request to add a version was unanswered; it may still take effect.",
)
"""Neither success nor another failure says that: after those a newer generation is handed over at once."""


@attrs.frozen
class ProvisionPolicy:
    """What an operator decides about a job."""

    backoff: Backoff = attrs.field(factory=Backoff)
    budget: float = attrs.field(default=300.0, validator=attrs.validators.gt(0))
    """Seconds after which no further retry is started (DDR alert: job duration above 5 minutes)."""
    keep_versions: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.ge(1))
    )
    """How many versions stay enabled; None retires none, and needs no further permission."""


@attrs.frozen
class Provision:
    """Lands one pull secret. It can be stopped and started anew between any two steps."""

    store: SecretStore
    cluster_secrets: ClusterSecrets
    clock: Clock
    telemetry: Telemetry
    policy: ProvisionPolicy
    stopping: Callable[[], bool] = never
    """Asked before each step; once true, no further step is taken (``JobInterrupted``)."""

    async def __call__(self, order: ProvisionOrder) -> ProvisionResult:
        """Carry out ``order``. Every failure is told in the result; only cancellation is raised."""
        run = _Run(self, order)
        started = self.clock.monotonic()
        deadline, cluster_id = started + self.policy.budget, order.target.cluster_id
        failure = await run.to_the_end(
            Pauses(cluster_id, self.policy.backoff, deadline, self.clock, self.telemetry)
        )
        return ProvisionResult(
            stage=run.lifecycle.stage,
            change=run.lifecycle.change,
            version=run.lifecycle.version,
            failure=failure,
            earlier=tuple(ref.path for ref in run.earlier),
            duration=self.clock.monotonic() - started,
        )


@attrs.define
class _Run:
    """One order being carried out. ``lifecycle`` says which step comes next."""

    use: Provision
    order: ProvisionOrder
    lifecycle: SecretLifecycle = attrs.field(factory=SecretLifecycle)
    read_back: SecretVersion | None = None
    seen: str | None = None
    """The version that was published before this run, of the secret as it is."""
    anew: bool = False
    """This run found no cloud secret, so its versions are counted from 1 again."""
    earlier: tuple[CloudSecretRef, ...] = ()
    """Where it was stored before the cluster moved, as the order and the cluster secret say."""

    in_doubt_until: float = 0.0
    """When, on the monotonic clock, no unanswered request to add a version has an effect any more."""

    async def to_the_end(self, pauses: Pauses) -> Failure | None:
        """Land the payload. What an unanswered request does late is waited for and looked at: on top of what
        the next generation's job stores it would stay."""
        failure = await self._until_published(pauses)
        while seconds := self._seconds_in_doubt():
            if failure is None:
                self.lifecycle = self.lifecycle.revisited()
            if not await self._waited(seconds):
                return _STOPPED_IN_DOUBT
            if failure is None:
                failure = await self._until_published(pauses)
        if failure is None:
            await self._retire_old_versions()
        return failure

    def _seconds_in_doubt(self) -> int:
        """For how long an unanswered request to add a version may still take effect."""
        return max(0, math.ceil(self.in_doubt_until - self.use.clock.monotonic()))

    async def _waited(self, seconds: int) -> bool:
        """Wait; False, at once, if we are told to stop."""
        for _ in range(seconds):
            if self.use.stopping():
                return False
            await self.use.clock.sleep(1.0)
        return True

    async def _until_published(self, pauses: Pauses) -> Failure | None:
        """Take steps until published. Transient failures repeat the step they hit, which looks before it
        writes; permanent ones end the run."""
        steps: dict[Stage, Callable[[], Awaitable[None]]] = {
            Stage.STARTED: self.prepare,
            Stage.PREPARED: self.store,
            Stage.STORED: self.verify,
            Stage.VERIFIED: self.publish,
        }
        attempt, furthest = 1, self.lifecycle.stage
        while step := steps.get(self.lifecycle.stage):
            if self.use.stopping():
                stage = self.lifecycle.stage.value
                return Failure(
                    Reason.JOB_INTERRUPTED, f"Told to stop when {stage}; nothing was left half done."
                )
            try:
                await step()
                # Pauses start anew only where the run is further than ever: a value that is never read
                # back as it was stored then makes few versions, not one every half second.
                if not furthest.reached(self.lifecycle.stage):
                    attempt, furthest = 1, self.lifecycle.stage
            except TransientError as error:
                if not await pauses.after(attempt, error):
                    return Failure(error.reason, str(error))
                attempt += 1
            except OperationError as error:
                return Failure(error.reason, str(error))
            except Exception as error:
                kind = type(error).__name__
                self.use.telemetry.record(InternalFault("provision", kind, self.order.target.cluster_id))
                return Failure(Reason.INTERNAL_ERROR, f"{kind} in the job; see its log.")
        return None

    async def prepare(self) -> None:
        """Make sure that both secrets are ours to write, and that the cloud secret exists."""
        target = self.order.target
        published = await self._published_by_us()
        secret = await self.use.store.get(target.cloud_secret)
        self.anew = self.anew or secret is None
        self.seen = None
        if published is not None and not self.anew:
            self.seen = published.version_from(target.cloud_secret)
        labels = ownership_labels(target.cluster_id)
        decision = decide(None if secret is None else secret.labels, target.cluster_id)
        if secret is None:
            await self.use.store.create(target.cloud_secret, labels, target.storage)
            self._done("create-secret", "Created secret")
        elif decision is Decision.REFUSE:
            raise self._naming_conflict(secret)
        elif decision is Decision.ADOPT:
            await self.use.store.relabel(secret, labels)
            self._done("adopt-secret", "Adopted secret that named no cluster")
        self.lifecycle = self.lifecycle.prepared()

    async def store(self) -> None:
        """Make sure that the newest version holds the payload; add none if it already does."""
        try:
            newest = await self._newest()
            if isinstance(newest, SecretVersion) and newest.payload == self.order.pull_secret:
                self.read_back = newest
                self.lifecycle = self.lifecycle.stored(newest.version)
                return
            self.lifecycle = self.lifecycle.adding(first=newest is None)
            version = await self._add_version()
        except TransientError:
            # In the pause that follows a newer generation may take over, so preparations are made anew.
            self.lifecycle = self.lifecycle.outdated()
            raise
        self.read_back = None
        self.lifecycle = self.lifecycle.stored(version)
        self._done("create-secret-version", "Created secret version")

    async def _add_version(self) -> str:
        ref = self.order.target.cloud_secret
        try:
            return await self.use.store.add_version(ref, self.order.pull_secret)
        except TransientError as error:
            if error.reason is Reason.SECRET_MANAGER_UNAVAILABLE:
                self.in_doubt_until = self.use.clock.monotonic() + _LATEST_EFFECT
            raise

    async def _newest(self) -> SecretVersion | UnreadableVersions | None:
        """The newest version, also while the store tells an older one for it.

        Otherwise, where a pull secret is put back to what it was, the version from then would be taken for
        the newest; and where the newest holds it already, another one would be added.
        """
        ref, store, added = self.order.target.cloud_secret, self.use.store, self.lifecycle.version
        newest = await store.access_latest(ref)
        if newest is not None and newest.version == added:
            return newest
        if newest is not None:
            before = newest.version
        elif known := added or self.seen:
            before = str(int(known) - 1)
        elif self.anew and not self.lifecycle.added:
            return None
        else:
            before = "0"
        while isinstance(following := await store.access_after(ref, before), SecretVersion):
            newest, before = following, following.version
        return following or newest

    async def verify(self) -> None:
        """Read the newest version back and compare it byte for byte and by CRC32C."""
        wanted = self.order.pull_secret
        try:
            found = self.read_back or await self._newest()
        except SecretNotFoundError:
            self.lifecycle = self.lifecycle.outdated()
            raise
        if not isinstance(found, SecretVersion) or found.is_older_than(self.lifecycle.version):
            raise self._unverified(f"Version {self.lifecycle.version} cannot be read as the newest one yet.")
        if found.payload != wanted or found.crc32c != wanted.crc32c:
            self.read_back, self.lifecycle = None, self.lifecycle.refuted()
            raise self._unverified("The newest version is not what was stored.")
        self.read_back = found
        self.lifecycle = self.lifecycle.verified(found.version)
        self._done("access-secret-version", "Verified secret version")

    async def publish(self) -> None:
        """Write what was read back into the cluster secret, unless it already says so."""
        if self.read_back is None:
            raise IllegalTransitionError("nothing was read back that could be published")
        published = await self._published_by_us()
        created_at = published and published.created_at
        noted = published.cloud_secrets if published else ()
        known = dict.fromkeys([*noted, *self.order.target.earlier])
        self.earlier = tuple(ref for ref in known if ref != self.order.target.cloud_secret)
        wanted = cluster_secret(
            self.order.target,
            self.read_back,
            created_at or self.use.clock.now().isoformat(timespec="seconds"),
            self.earlier,
        )
        if published is None:
            await self.use.cluster_secrets.create(wanted)
            self._done("create-cluster-secret", "Created cluster secret")
        elif not published.holds(wanted):
            await self.use.cluster_secrets.replace(published, wanted)
            self._done("update-cluster-secret", "Updated cluster secret")
        self.lifecycle = self.lifecycle.published()

    async def _published_by_us(self) -> PublishedSecret | None:
        """The cluster secret, if there is one; raise unless it is ours and of no newer generation."""
        target = self.order.target
        published = await self.use.cluster_secrets.get(target.cluster_secret)
        if published is None:
            return None
        if decide(published.labels, target.cluster_id) is Decision.REFUSE:
            raise PermanentError(
                "publish-secret",
                target.cluster_secret.path,
                Reason.CLUSTER_SECRET_CONFLICT,
                f"The Kubernetes secret is not ours: {describe_owner(published.labels)}.",
            )
        if published.generation > target.generation:
            raise PermanentError(
                "publish-secret",
                target.cluster_secret.path,
                Reason.SUPERSEDED,
                f"Generation {published.generation} is already published.",
            )
        return published

    def _unverified(self, cause: str) -> TransientError:
        path = self.order.target.cloud_secret.version_path()
        return TransientError("access-secret-version", path, Reason.VERIFICATION_FAILED, cause)

    def _naming_conflict(self, secret: CloudSecret) -> PermanentError:
        return PermanentError(
            "get-secret",
            secret.ref.path,
            Reason.NAMING_CONFLICT,
            f"The secret exists and is not this cluster's: {describe_owner(secret.labels)}.",
        )

    async def _retire_old_versions(self) -> None:
        """Retire old versions if that is wanted. The secret has landed, so a failure here only gets told."""
        keep, version = self.use.policy.keep_versions, self.lifecycle.version
        if keep is None or version is None:
            return
        target = self.order.target
        try:
            if await self.use.store.prune(target.cloud_secret, keep, protect=version):
                self._done("retire-secret-versions", "Retired old secret versions")
        except OperationError as error:
            self._done("retire-secret-versions", f"Old secret versions stay until the next update: {error}")
        except Exception as error:
            kind = type(error).__name__
            self.use.telemetry.record(InternalFault("retire-secret-versions", kind, target.cluster_id))

    def _done(self, operation: str, message: str) -> None:
        target = self.order.target
        self.use.telemetry.record(
            StepDone(
                target.cluster_id, target.cloud_secret.project, operation, message, self.lifecycle.version
            )
        )
