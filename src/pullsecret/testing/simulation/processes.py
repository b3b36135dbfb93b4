"""The processes of ours that live, die and come back: replicas of the adapter, and jobs."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import attrs

from pullsecret.application.adapter import Adapter
from pullsecret.application.admit_jobs import AdmitJobs
from pullsecret.application.clean_up import CleanUp
from pullsecret.application.consume_events import ConsumeEvents
from pullsecret.application.finalize import FinalizeCluster
from pullsecret.application.handle_event import HandleEvent
from pullsecret.application.provision import Provision
from pullsecret.application.reconcile_cluster import ReconcileCluster
from pullsecret.application.repair_drift import RepairDrift, RepairPolicy
from pullsecret.application.report_jobs import ReportJobs
from pullsecret.application.retry_jobs import RetryJobs
from pullsecret.domain.admission import ConcurrencyLimits
from pullsecret.domain.clean_up import CleanUpOrder, CleanUpResult
from pullsecret.domain.facts import Fact, InternalFault
from pullsecret.domain.jobs import AnyJob
from pullsecret.domain.provisioning import ProvisionOrder, ProvisionResult
from pullsecret.domain.rollout import Rollout
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.infrastructure.hyperfleet.settings import Dialect
from pullsecret.infrastructure.memory.broker import MemoryEventSource
from pullsecret.infrastructure.memory.cloud import MemorySecretStore
from pullsecret.infrastructure.memory.cluster_secret_watch import MemoryClusterSecretWatch
from pullsecret.infrastructure.memory.control_plane import MemoryClusterSecrets
from pullsecret.infrastructure.memory.faults import ProcessCrash
from pullsecret.infrastructure.memory.job_runner import JobTimes, MemoryJobRunner
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_secrets import ClusterSecrets
from pullsecret.ports.job_runner import JobRunner
from pullsecret.ports.secret_store import SecretStore
from pullsecret.ports.telemetry import Telemetry
from pullsecret.testing.simulation.api import SimulatedApi, api_ports
from pullsecret.testing.simulation.chaos import ACTING, Actor, BrokerLink, Chaos, Link, Linked, Part
from pullsecret.testing.simulation.history import is_telling

P = TypeVar("P")

# Stretched, so that an idle replica costs little; what is decided does not depend on them.
_ADMIT_EVERY = 20.0
_RETRY_EVERY = 20.0
_REMIND = 10.0
_WATCH_EVERY = 5.0
_COARSE = 5.0


@attrs.define
class ReplicaClock:
    """The world's clock with a wall clock of its own, of one replica or of the jobs, that may be wrong."""

    true: Clock
    ahead: float = 0.0
    """Seconds by which its wall clock is ahead."""
    coarse: float = 0.0
    """No sleep is shorter than this many seconds, unless it is none at all."""

    def now(self) -> datetime:
        """See the port."""
        return self.true.now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        """See the port."""
        return self.true.monotonic()

    def chance(self) -> float:
        """See the port."""
        return self.true.chance()

    async def sleep(self, seconds: float) -> None:
        """See the port."""
        await asyncio.sleep(max(seconds, self.coarse) if seconds else 0)


@attrs.frozen
class _ActorsTelemetry:
    """Facts of one process; the dead tell nothing."""

    world: EmbeddedWorld
    chaos: Chaos
    actor: Actor
    on_fault: Callable[[str], None]

    def record(self, fact: Fact) -> None:
        """See the port."""
        if self.actor.dead:
            return
        self.world.telemetry.record(fact)
        if is_telling(fact):
            self.chaos.history.add(self.chaos.loop.time(), self.actor.name, type(fact).__name__, fact)
        if isinstance(fact, InternalFault):
            self.on_fault(f"{self.actor.name}: internal fault {fact.kind} in {fact.operation}")


@attrs.define
class Processes:
    """Starts processes of ours on one world."""

    world: EmbeddedWorld
    api: SimulatedApi
    chaos: Chaos
    configuration: Configuration
    violated: Callable[[str], None]
    tells_waiting: bool
    """Today's dialect is spoken, and what it wants told is told."""
    limits: ConcurrencyLimits
    rollout: Rollout
    """What replicas that start from now on are configured with."""
    rollouts: dict[str, Rollout]
    """Where is noted what each of them was started with, by its name."""
    jobs_clock: "ReplicaClock"
    replicas: list["Replica"] = attrs.field(factory=list)
    jobs: dict[str, "JobProcess"] = attrs.field(factory=dict)
    """The running ones by name."""

    async def provision(self, order: ProvisionOrder) -> ProvisionResult:
        """Run one job in a process of its own; :class:`ProcessCrash` if its end is not seen."""
        actor = Actor(f"job {order.key.name}")
        provision = Provision(*self._ports(actor), self.configuration.provision_policy, actor.is_told)
        result: ProvisionResult = await self._run(actor, provision(order))
        return result

    async def clean_up(self, order: CleanUpOrder) -> CleanUpResult:
        """Run one clean-up job likewise."""
        actor = Actor(f"job {order.key.name}")
        clean_up = CleanUp(*self._ports(actor), self.configuration.clean_up_policy, actor.is_told)
        result: CleanUpResult = await self._run(actor, clean_up(order))
        return result

    async def _run(self, actor: Actor, work: Coroutine[Any, Any, Any]) -> Any:
        process = JobProcess(actor, asyncio.get_running_loop().create_future())
        self.jobs[actor.name] = process
        try:
            return await process.run(work)
        finally:
            self.jobs.pop(actor.name, None)

    def _ports(self, actor: Actor) -> tuple[SecretStore, ClusterSecrets, Clock, Telemetry]:
        world = self.world
        cloud = MemorySecretStore(world.cloud, world.clock, world.faults)
        secrets = MemoryClusterSecrets(world.control_plane, world.faults)
        return (
            self.linked(actor, Part.CLOUD, "secret-store", cloud),
            self.linked(actor, Part.KUBERNETES, "cluster-secrets", secrets),
            self.jobs_clock,
            self.telemetry(actor),
        )

    def linked(self, actor: Actor, part: Part, prefix: str, port: P) -> P:
        """``port`` as ``actor`` reaches it."""
        return cast(P, Linked(port, prefix, Link(self.chaos, actor, part)))

    def telemetry(self, actor: Actor) -> _ActorsTelemetry:
        """Where ``actor`` tells its facts."""
        return _ActorsTelemetry(self.world, self.chaos, actor, self.violated)

    def adapter(self, actor: Actor, clock: ReplicaClock) -> Adapter:
        """One replica, wired as the container does it."""
        world, configuration = self.world, self.configuration
        telemetry = self.telemetry(actor)
        calm = world.faults
        dialect = Dialect.V1 if self.tells_waiting else Dialect.DDR
        api_link = Link(self.chaos, actor, Part.HYPERFLEET)
        catalog, status = api_ports(self.api, dialect, configuration.document_paths, calm, api_link)
        runner = MemoryJobRunner(
            world.jobs,
            self.provision,
            world.clock,
            calm,
            telemetry,
            JobTimes(remind=_REMIND),
            run_clean_up=self.clean_up,
        )
        jobs = cast(JobRunner, _LaggingJobs(runner, "job-runner", Link(self.chaos, actor, Part.KUBERNETES)))
        watch = MemoryClusterSecretWatch(world.control_plane, world.clock, look_every=_WATCH_EVERY)
        finalize = FinalizeCluster(
            jobs, status, clock, telemetry, configuration.deletion, configuration.jobs.failed_pause, watch
        )
        policy = attrs.evolve(configuration.reconcile_policy, report_waiting=self.tells_waiting)
        reconcile = ReconcileCluster(catalog, jobs, status, clock, telemetry, policy, finalize, self.rollout)
        self.rollouts[actor.name] = self.rollout
        admit = AdmitJobs(jobs, telemetry, self.limits, _ADMIT_EVERY)
        handle = HandleEvent(configuration.spec.event_filter.expression, reconcile, telemetry)
        broker = BrokerLink(world.clock, link=Link(self.chaos, actor, Part.BROKER))
        source = MemoryEventSource(world.broker, world.clock, broker, configuration.events.concurrency)
        return Adapter(
            jobs,
            ConsumeEvents(source, handle, clock, telemetry, configuration.events, admit.wake),
            admit,
            ReportJobs(jobs, status, reconcile, clock, telemetry, admit.wake),
            RetryJobs(jobs, reconcile, clock, telemetry, admit.wake, _RETRY_EVERY),
            RepairDrift(
                watch,
                jobs,
                reconcile,
                attrs.evolve(clock, coarse=_COARSE),
                telemetry,
                admit.wake,
                configuration.drift or RepairPolicy(),
            ),
            clock,
            telemetry,
        )


class _LaggingJobs(Linked):
    """The job runner as one replica sees it: what it watches comes late, and not at all while cut off."""

    async def finished(self) -> AsyncGenerator[AnyJob, None]:
        """See the port."""
        chaos, link = self._link.chaos, self._link
        async with aclosing(cast(JobRunner, self._port).finished()) as jobs:
            async for job in jobs:
                while chaos.cut_off(link.actor, link.part) is not None:
                    await asyncio.sleep(1)
                if not chaos.healed and chaos.random.random() < 0.1:
                    await asyncio.sleep(30 * chaos.random.random())
                yield job


@attrs.define(eq=False)
class Replica:
    """A replica of the adapter; whenever it ends it is started anew."""

    name: str
    processes: Processes
    clock: ReplicaClock
    actor: Actor = attrs.field(factory=lambda: Actor(""))
    stop: asyncio.Event = attrs.field(factory=asyncio.Event)
    starts: int = 0

    async def live(self) -> None:
        """Run for ever."""
        while True:
            self.starts += 1
            self.actor, self.stop = Actor(self.name), asyncio.Event()
            adapter = self.processes.adapter(self.actor, self.clock)
            task = start(self.actor, adapter.run(self.stop))
            try:
                await self._ended(task)
            except asyncio.CancelledError:
                self.actor.kill()
                raise
            if not task.cancelled() and (error := task.exception()) and not self.actor.dead:
                self.processes.violated(f"{self.name} ended with {error!r}")
            self.actor.dead = True
            await asyncio.sleep(1 + 9 * self.processes.chaos.random.random())

    async def _ended(self, task: "asyncio.Task[Any]") -> None:
        """Wait until the replica has ended: by itself, or after its grace once it was told to stop."""
        told = asyncio.get_running_loop().create_task(self.stop.wait())
        await asyncio.wait([task, told], return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not task.done():
            _, unfinished = await asyncio.wait([task], timeout=self.processes.configuration.shutdown_grace)
            if unfinished:
                task.cancel()
                await asyncio.wait([task])


@attrs.define(eq=False)
class JobProcess:
    """One job's process."""

    actor: Actor
    given_up: "asyncio.Future[None]"
    """Done once the control plane takes the process for lost, whether or not it still works."""

    async def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of ``work``, if the process tells it."""
        task = start(self.actor, work)
        try:
            await asyncio.wait([task, self.given_up], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.actor.kill()
            raise
        if self.actor.dead or not task.done():
            raise ProcessCrash(self.actor.name)
        return task.result()


def start(actor: Actor, work: Any) -> "asyncio.Task[Any]":
    """Run ``work`` as the process ``actor``."""
    context = copy_context()
    context.run(ACTING.set, actor)
    actor.task = asyncio.get_running_loop().create_task(work, context=context)
    return actor.task
