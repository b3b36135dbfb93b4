"""One run: a seed, a world, and what became of it."""

import asyncio
import gc
import json
import random
from collections.abc import Coroutine, Iterator, Mapping
from functools import cache
from typing import Any

import attrs

from pullsecret.application.repair_drift import RepairPolicy
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import newest_jobs
from pullsecret.domain.provisioning import Finished
from pullsecret.domain.reasons import Outlook
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.infrastructure.memory.broker import MemoryBroker
from pullsecret.infrastructure.memory.faults import FaultScript
from pullsecret.infrastructure.memory.sentinel import MemorySentinel
from pullsecret.infrastructure.memory.simulated_time import SimulatedClock
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.testing.simulation import incidents
from pullsecret.testing.simulation.api import SimulatedApi
from pullsecret.testing.simulation.chaos import Actor, Chaos, Part
from pullsecret.testing.simulation.ending import judge, unsettled
from pullsecret.testing.simulation.evidence import Evidence
from pullsecret.testing.simulation.history import History
from pullsecret.testing.simulation.incidents import Incident, Undo
from pullsecret.testing.simulation.oracle import Oracle
from pullsecret.testing.simulation.processes import Processes, Replica, ReplicaClock
from pullsecret.testing.simulation.seeded_loop import SeededLoop
from pullsecret.testing.simulation.swarm import BrokerFaults, Plan, draw_plan
from pullsecret.testing.simulation.truth import ClusterTruth

CONVERGES_WITHIN = 2 * 3600.0
"""Virtual seconds after the last fault within which everything has to be as it should be."""
_STAYS_SO = 40.0
_LOOK_EVERY = 10.0
_THOROUGH_EVERY = 16
_PERSON_LOOKS_EVERY = 30.0
# More often than in production, so that more happens in a virtual minute.
_SENTINEL_LOOKS_EVERY = 3.0
_SENTINEL_ASKS_ALL_EVERY = 50.0
_REMINDS_AFTER = 30.0


@attrs.frozen
class Outcome:
    """What became of one seed."""

    seed: int
    violations: tuple[str, ...]
    faults: tuple[str, ...]
    """By number, those left out too."""
    history: History
    virtual_seconds: float
    steps: int

    @property
    def failed(self) -> bool:
        """True if an invariant did not hold."""
        return bool(self.violations)


def simulate(seed: int, only: frozenset[int] | None = None) -> Outcome:
    """Run ``seed``. Of its faults only those numbered in ``only`` happen, if it is given."""
    plan = draw_plan(seed)
    loop = SeededLoop(seed)
    simulation = Simulation.prepare(seed, plan, loop, only)
    collecting = gc.isenabled()
    gc.disable()  # Its moments depend on what ran before; finalizers of generators would run at them.
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(simulation.run())
    finally:
        if collecting:
            gc.enable()
    evidence, chaos = simulation.evidence, simulation.chaos
    return Outcome(
        seed,
        tuple(evidence.violations),
        tuple(chaos.injected),
        chaos.history,
        loop.time(),
        loop.steps,
    )


@attrs.define
class Simulation:
    """A world and everybody in it."""

    plan: Plan
    loop: SeededLoop
    world: EmbeddedWorld
    chaos: Chaos
    evidence: Evidence
    processes: Processes
    thorough: bool
    undo: list[Undo] = attrs.field(factory=list)
    """Ends what goes on for a while."""
    strays: "list[asyncio.Task[None]]" = attrs.field(factory=list)

    @classmethod
    def prepare(cls, seed: int, plan: Plan, loop: SeededLoop, only: frozenset[int] | None) -> "Simulation":
        """The world of ``plan`` before anything happens."""
        chance = random.Random(seed + 1)  # noqa: S311 - repeatable on purpose
        chaos = Chaos(loop, chance, History(), plan.rates, only, plan.late_versions)
        clock = SimulatedClock(seed)
        broker = _Broker(clock, plan.broker, chaos)
        api = SimulatedApi(clock=clock)
        world = EmbeddedWorld.create(seed, clock=clock)
        world = attrs.evolve(world, broker=broker, hyperfleet=api, faults=_Calm(clock))
        clusters = {truth.id: truth for truth in plan.clusters}
        deletion = plan.deletion
        evidence = Evidence(world, api, chaos, clusters, deletion.stored_secret, deletion.give_up_after)
        broker.evidence = evidence
        chaos.after = Oracle(evidence).after
        processes = Processes(
            world,
            api,
            chaos,
            attrs.evolve(_configuration(), deletion=deletion),
            evidence.violated,
            plan.tells_waiting,
            plan.limits,
            plan.rollout,
            evidence.rollouts,
            ReplicaClock(clock),
        )
        return cls(plan, loop, world, chaos, evidence, processes, seed % _THOROUGH_EVERY == 0)

    @property
    def truths(self) -> Mapping[str, ClusterTruth]:
        """The clusters by id."""
        return self.evidence.clusters

    async def run(self) -> None:
        """Let it all happen, then heal, then wait until everything is as it should be."""
        self.loop.set_exception_handler(self._unhandled)
        self._prepare_projects()
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(self._sentinel()), tasks.create_task(self._person())]
            for number in range(1, self.plan.replicas + 1):
                replica = Replica(f"replica-{number}", self.processes, ReplicaClock(self.world.clock))
                self.processes.replicas.append(replica)
                background.append(tasks.create_task(replica.live()))
            for incident in self.plan.incidents:
                background.append(tasks.create_task(self._happen(incident)))
            await asyncio.sleep(max(self.plan.heals_at, self.plan.incidents[-1].at))
            self._heal()
            await self._settle()
            if self.plan.deletes_in_the_end and not self.evidence.violations:
                self._delete_all_much_later()
                await self._settle()
            judge(self.evidence, self.thorough)
            for task in [*background, *self.strays, *self.world.jobs.processes]:
                task.cancel()

    def _prepare_projects(self) -> None:
        for project in self.plan.projects:
            self.world.cloud.project(project)
        for truth in self.truths.values():
            self.world.control_plane.namespaces.add(truth.namespace)

    def background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do ``work`` beside everything else."""
        self.strays.append(self.loop.create_task(work, name=name))

    def _delete_all_much_later(self) -> None:
        """When every job has been forgotten, the clusters are deleted."""
        self.chaos.history.add(self.loop.time(), "world", "MUCH LATER", "ended jobs are forgotten")
        for truth in self.truths.values():
            self.world.jobs.forget(ClusterId(truth.id), before=self.world.clock.now())
            self.evidence.lose_track(truth)
            self.chaos.history.add(self.loop.time(), "owner", f"deletes {truth.id}", "")
            incidents.delete(truth)(self)

    async def _happen(self, incident: Incident) -> None:
        await asyncio.sleep(incident.at)
        if not self.chaos.inject(incident.who, incident.what):
            return
        undo = incident.happen(self)
        if undo is None:
            return
        self.undo.append(undo)
        await asyncio.sleep(incident.lasts)
        if undo in self.undo:
            self.undo.remove(undo)
            undo()
            self.chaos.history.add(self.loop.time(), incident.who, "over", incident.what)

    def _heal(self) -> None:
        self.chaos.heal()
        while self.undo:
            self.undo.pop()()
        self.world.broker.faults = BrokerFaults()  # type: ignore[attr-defined]
        self.chaos.history.add(self.loop.time(), "world", "HEALED", "nothing goes wrong from here on")

    async def _settle(self) -> None:
        deadline = self.loop.time() + CONVERGES_WITHIN
        good_since: float | None = None
        drained = False
        while good_since is None or self.loop.time() - good_since < _STAYS_SO:
            await asyncio.sleep(_LOOK_EVERY)
            if self.evidence.violations:
                return
            drained = drained or self.world.broker.empty
            problem = next(self._unsettled(), None)
            if problem is None and drained:
                good_since = self.loop.time() if good_since is None else good_since
                continue
            good_since = None
            if self.loop.time() > deadline:
                if not drained:
                    self.evidence.violated(f"the broker was never empty in {CONVERGES_WITHIN:.0f} s")
                for one in self._unsettled():
                    self.evidence.violated(f"not settled in {CONVERGES_WITHIN:.0f} s: {one}")
                return

    def _unsettled(self) -> Iterator[str]:
        return unsettled(self.evidence, self.processes.rollout, tells_waiting=self.plan.tells_waiting)

    async def _sentinel(self) -> None:
        world, actor = self.world, Actor("sentinel")
        sentinel = MemorySentinel(
            world.hyperfleet, world.broker, world.clock, world.faults, _SENTINEL_LOOKS_EVERY, _REMINDS_AFTER
        )
        looked_at_all = 0.0
        while True:
            if self.chaos.cut_off(actor, Part.BROKER) is None:
                await sentinel.poll_once()
                # Today's asks for a sign of life of those that are available too.
                if self.plan.asks_all and self.loop.time() - looked_at_all > _SENTINEL_ASKS_ALL_EVERY:
                    looked_at_all = self.loop.time()
                    for cluster_id in list(world.hyperfleet.clusters):
                        await sentinel.publish(cluster_id)
            await asyncio.sleep(sentinel.poll_interval)

    async def _person(self) -> None:
        """Once the cause of a permanent failure is mended, somebody asks for another attempt."""
        jobs = self.world.jobs
        while True:
            await asyncio.sleep(_PERSON_LOOKS_EVERY)
            if not self.chaos.healed:
                continue
            for truth in self.truths.values():
                report = self.world.hyperfleet.status(truth.id)
                if report is None or report.conditions.applied.reason is self.evidence.refusal(truth):
                    continue
                newest = newest_jobs(jobs.all()).get(ClusterId(truth.id))
                if newest is None or newest.retry_asked or not isinstance(newest.state, Finished):
                    continue
                failure = newest.state.result.failure
                if failure is not None and failure.reason.outlook is Outlook.PERMANENT:
                    jobs.put(attrs.evolve(newest, retry_asked=True))
                    self.chaos.history.add(self.loop.time(), "person", "asks for a retry", newest.key.name)

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
        self.evidence.violated(f"unhandled: {context.get('message')} {context.get('exception')!r}")


class _Calm(FaultScript):
    """No faults and no latency: what goes wrong happens on the way, see :class:`Link`."""

    def at(self, point: str, subject: str, reason: object) -> "_Immediately":  # type: ignore[override]
        return _IMMEDIATELY


class _Immediately:
    async def __aenter__(self) -> None:
        return

    async def __aexit__(self, *_: object) -> None:
        return


_IMMEDIATELY = _Immediately()


class _Broker(MemoryBroker):
    """A broker on whose way in messages get lost, doubled and late."""

    def __init__(self, clock: SimulatedClock, faults: BrokerFaults, chaos: Chaos) -> None:
        super().__init__(clock)
        self.faults, self._chaos = faults, chaos
        self.evidence: Evidence | None = None

    async def publish(self, headers: Mapping[str, str], body: bytes, delay: float = 0.0) -> None:
        """Take a message, or not."""
        event = json.loads(body)
        if self.evidence is not None:
            data = event["data"]
            self.evidence.published_events[event["id"]] = (data["clusterId"], data["generation"])
        chance, inject = self._chaos.random.random, self._chaos.inject
        lost, doubled, late = (chance() < share for share in attrs.astuple(self.faults))
        delay += chance()
        if late and inject("broker", "holds back", event["id"]):
            delay += 60 * chance()
        if lost and inject("broker", "loses", event["id"]):
            return
        await super().publish(headers, body, delay)
        if doubled and inject("broker", "doubles", event["id"]):
            await super().publish(headers, body, delay + 20 * chance())


@cache
def _configuration() -> Configuration:
    """The production defaults, with the longest pauses shortened so that a run ends soon, and the grace of a
    replica that stops so that it is often over."""
    default = Configuration.default()
    shorter = Backoff(initial=30, factor=2, maximum=300)
    return attrs.evolve(
        default,
        jobs=attrs.evolve(default.jobs, failed_pause=shorter),
        drift=RepairPolicy(pause=shorter),
        shutdown_grace=2.0,
    )
