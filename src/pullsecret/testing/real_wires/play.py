"""Plays a fleet on the served surroundings with the production wiring, and proves the result."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

import attrs

from pullsecret.domain.backoff import Backoff
from pullsecret.entrypoints.configuration.settings import Jobs
from pullsecret.entrypoints.container import Replica, open_adapter
from pullsecret.entrypoints.demo.fleet import FleetCluster, make_fleet
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.hyperfleet.sentinel import Ages, Sentinel
from pullsecret.testing.real_wires.proof import problems, reason_of
from pullsecret.testing.real_wires.surroundings import Surroundings, served

TIME_LIMIT = 180.0
"""Seconds after which a fleet that is not where it should be counts as lost."""
_POLL = 1.0
_UPDATES_WITHIN = 5.0


@attrs.frozen
class WireSummary:
    """What became of the fleet."""

    clusters: int
    seconds: float
    wires: Mapping[str, str]
    outcomes: Mapping[str, int]
    problems: Mapping[str, Sequence[str]]
    """What the read-back found wrong, by cluster; empty is the proof."""


async def play_on_real_wires(clusters: int, seed: int) -> WireSummary:
    """Serve everything, provision ``clusters`` clusters in real time, read everything back."""
    world = EmbeddedWorld.create(seed, latency=(0, 0), clock=SystemClock())
    fleet = make_fleet(world, clusters, seed)
    async with served(world, fleet) as around:
        jobs = Jobs(retry=Backoff(initial=0.2, maximum=2), budget=10)
        configuration = attrs.evolve(around.configuration, jobs=jobs)
        replica = Replica(configuration, world.clock, world.telemetry, "demo")
        stop = asyncio.Event()
        async with open_adapter(replica, world) as adapter, asyncio.TaskGroup() as tasks:
            tasks.create_task(adapter.run(stop))
            ages = Ages(not_reconciled=timedelta(seconds=10))
            sentinel = Sentinel(around.client, around.hyperfleet.dialect, around.publish, ages)
            polling = tasks.create_task(sentinel.run(_POLL))
            began = time.monotonic()
            for cluster in fleet:
                tasks.create_task(_live(around, cluster))
            found = await _settled(around, fleet)
            seconds = time.monotonic() - began
            polling.cancel()
            stop.set()
        return WireSummary(clusters, round(seconds, 1), around.wires, _outcomes(around, fleet), found)


async def _live(around: Surroundings, cluster: FleetCluster) -> None:
    """Make the cluster's generations, one after the other."""
    around.put(cluster.generations[0])
    for document in cluster.generations[1:]:
        await asyncio.sleep(_UPDATES_WITHIN / len(cluster.generations))
        around.put(document)


async def _settled(around: Surroundings, fleet: Sequence[FleetCluster]) -> Mapping[str, Sequence[str]]:
    deadline = time.monotonic() + TIME_LIMIT
    await asyncio.sleep(_UPDATES_WITHIN)
    while True:
        found = {cluster.id: list(problems(around, cluster)) for cluster in fleet}
        found = {cluster_id: wrong for cluster_id, wrong in found.items() if wrong}
        if not found or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.2)


def _outcomes(around: Surroundings, fleet: Sequence[FleetCluster]) -> Mapping[str, int]:
    reports = [around.hyperfleet.store.get(cluster.id).reports.get("pullsecret") for cluster in fleet]
    counted = Counter(reason_of(report) if report else "(skipped)" for report in reports)
    return dict(sorted(counted.items()))
