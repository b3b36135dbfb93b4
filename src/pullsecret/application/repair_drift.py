"""Lets a job write a cluster secret anew that somebody deleted or altered (DDR risk 5)."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import attrs

from pullsecret.application.outcomes import Finalized, JobSubmitted, Outcome, Skipped
from pullsecret.application.reconcile_cluster import ReconcileCluster, adapter_event
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.clean_up import CleanUpJob
from pullsecret.domain.drift import Drift
from pullsecret.domain.errors import OperationError
from pullsecret.domain.facts import DriftSeen, InternalFault, Interrupted, RepairStarted, SkipReason
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import newest_jobs
from pullsecret.domain.provisioning import Finished, ProvisionJob
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_secret_watch import ClusterSecretWatch
from pullsecret.ports.job_runner import JobRunner
from pullsecret.ports.telemetry import Telemetry

_LOOK_EVERY = 1.0


@attrs.frozen
class RepairPolicy:
    """What an operator decides about repairs."""

    settle: float = attrs.field(default=2.0, validator=attrs.validators.ge(0))
    """Seconds to wait before a repair, since whoever deletes a secret may be about to put it back."""
    pause: Backoff = attrs.field(factory=lambda: Backoff(initial=30, factor=2, maximum=1800))
    """Between repairs of the same secret, so that a fight with somebody who keeps changing it stays slow."""
    per_minute: int = attrs.field(default=60, validator=attrs.validators.ge(1))
    """Repairs that one replica starts in a minute, at most."""
    check: float = attrs.field(default=300.0, validator=attrs.validators.gt(0))
    """Seconds between looks for secrets that were deleted while nobody watched."""


@attrs.define
class _Case:
    """A secret that has drifted, or had lately."""

    drift: Drift
    due: float
    """When it may next be repaired."""
    repairs: int = 0
    open: bool = True
    """False once it is seen to be as it should be."""


@attrs.frozen
class RepairDrift:
    """Hands a drifted secret's cluster over to a job, which reads the secret manager and writes what it says.

    Any number of replicas may run: who comes second finds the job there, or the secret repaired.
    """

    watch: ClusterSecretWatch
    jobs: JobRunner
    reconcile: ReconcileCluster
    clock: Clock
    telemetry: Telemetry
    on_submitted: Callable[[], None]
    policy: RepairPolicy = attrs.field(factory=RepairPolicy)
    _cases: dict[ClusterId, _Case] = attrs.field(factory=dict, init=False)

    async def __call__(self) -> None:
        """Repair for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._keep_checking())
            tasks.create_task(self._keep_repairing())

    def note(self, drift: Drift) -> None:
        """Repair ``drift`` when its time has come; a cluster that is not rolled out is none of ours."""
        if not self.reconcile.rollout.includes(drift.cluster_id):
            return
        settled = self.clock.monotonic() + self.policy.settle
        case = self._cases.get(drift.cluster_id)
        if case is not None and case.open:
            case.drift = drift
            return
        self.telemetry.record(DriftSeen(drift))
        if case is None:
            self._cases[drift.cluster_id] = _Case(drift, settled)
        else:
            case.drift, case.open, case.due = drift, True, max(case.due, settled)

    async def check_once(self) -> None:
        """Note the secrets that are not as the newest job of their cluster left them.

        Raises what the ports raise.
        """
        for job in newest_jobs(await self.jobs.jobs()).values():
            if not isinstance(job, ProvisionJob) or not _landed(job):
                continue
            secret = job.target.cluster_secret
            if (kind := await self.watch.look(secret)) is not None:
                self.note(Drift(job.key.cluster_id, secret, kind))

    async def repair_due(self) -> None:
        """Start the repairs that are due, the longest due first."""
        now = self.clock.monotonic()
        for case in sorted(self._cases.values(), key=lambda case: case.due):
            if case.due > now:
                return
            try:
                await self._repair(case)
            except OperationError as error:
                self._later(case)
                self.telemetry.record(Interrupted(error.operation, case.due - now, error))
            except Exception as error:
                # It would end the replica, and the next one, which sees the same drift, with it.
                self._later(case)
                fault = InternalFault("repair-drift", type(error).__name__, case.drift.cluster_id)
                self.telemetry.record(fault)

    async def _repair(self, case: _Case) -> None:
        drift = case.drift
        if await self.watch.look(drift.secret) is None:
            case.open = False
            # Remembered for a while, so that the next repair does not come at once.
            if case.repairs == 0 or self.clock.monotonic() - case.due > self.policy.pause.maximum:
                del self._cases[drift.cluster_id]
            return
        if await self._needs_none_there(drift):
            del self._cases[drift.cluster_id]
            return
        outcome = await self.reconcile(adapter_event(drift.cluster_id, "pullsecret.drift"), again=True)
        if isinstance(outcome, JobSubmitted):
            self.on_submitted()
        if _needs_no_secret(outcome):
            del self._cases[drift.cluster_id]
            return
        self._later(case)
        if isinstance(outcome, JobSubmitted) and isinstance(outcome.job, ProvisionJob):
            self.telemetry.record(RepairStarted(drift, outcome.job.key))
            await self.watch.tell_repair(drift, outcome.job.key)
            await self.clock.sleep(60 / self.policy.per_minute)

    def _later(self, case: _Case) -> None:
        case.repairs += 1
        case.due = self.clock.monotonic() + self.policy.pause.pause(case.repairs, self.clock.chance())

    async def _follow(self) -> None:
        async with aclosing(self.watch.drifts()) as drifts:
            async for drift in drifts:
                if not await self._needs_none_there(drift):
                    self.note(drift)

    async def _needs_none_there(self, drift: Drift) -> bool:
        """True if the cluster's newest job cleaned up after it, or was sent to another namespace."""
        try:
            known = await self.jobs.jobs(drift.cluster_id)
        except OperationError as error:
            self.telemetry.record(Interrupted(error.operation, self.policy.settle, error))
            return False  # the cluster itself is looked at before it is repaired
        newest = newest_jobs(known).get(drift.cluster_id)
        if isinstance(newest, ProvisionJob):
            return newest.target.cluster_secret != drift.secret
        return newest is not None

    async def _keep_checking(self) -> None:
        while True:
            try:
                await self.check_once()
            except OperationError as error:
                self.telemetry.record(Interrupted(error.operation, self.policy.check, error))
            await self.clock.sleep(self.policy.check)

    async def _keep_repairing(self) -> None:
        while True:
            await self.clock.sleep(_LOOK_EVERY)
            await self.repair_due()


def _landed(job: ProvisionJob) -> bool:
    finished = job.state
    return isinstance(finished, Finished) and finished.reported and finished.result.failure is None


def _needs_no_secret(outcome: Outcome) -> bool:
    """The cluster is gone or going, and its secret with it."""
    if isinstance(outcome, JobSubmitted):
        return isinstance(outcome.job, CleanUpJob)
    going = (SkipReason.CLUSTER_GONE, SkipReason.DELETING)
    return isinstance(outcome, Finalized) or (isinstance(outcome, Skipped) and outcome.reason in going)
