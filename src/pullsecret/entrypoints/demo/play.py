"""Plays a fleet on an embedded world: its generations over time, its events, and two replicas."""

from collections.abc import Callable, Sequence
from datetime import datetime

import attrs

from pullsecret.application.adapter import Adapter
from pullsecret.entrypoints.demo.fleet import FleetCluster
from pullsecret.entrypoints.embedded import EmbeddedService, NotSettledError
from pullsecret.infrastructure.memory.sentinel import MemorySentinel
from pullsecret.infrastructure.memory.world import EmbeddedWorld

TIME_LIMIT = 12 * 3600.0
"""Simulated seconds after which a fleet that has not come to rest counts as lost."""


@attrs.frozen
class Played:
    """What happened."""

    settled: bool
    simulated_seconds: float
    crashes: int
    newest_since: dict[str, datetime]
    """When each cluster's newest generation was made."""


async def play(
    world: EmbeddedWorld,
    fleet: Sequence[FleetCluster],
    build_adapter: Callable[[], Adapter],
    look: Callable[[], None],
) -> Played:
    """Let the world go on until it comes to rest; ``look`` is called from time to time."""
    sentinel = MemorySentinel(world.hyperfleet, world.broker, world.clock, world.faults)
    service = EmbeddedService(world, build_adapter, sentinel, replicas=2)
    newest_since: dict[str, datetime] = {}
    settled = True

    async def live(cluster: FleetCluster) -> None:
        for at, document in zip((0.0, *cluster.update_times), cluster.generations, strict=True):
            await world.clock.sleep(max(0.0, at - world.clock.monotonic()))
            world.hyperfleet.put(document)
            newest_since[cluster.id] = world.clock.now()

    async with service.running():
        for cluster in fleet:
            service.errand(live(cluster))
        try:
            await service.settle(TIME_LIMIT, look)
        except NotSettledError:
            settled = False
        simulated = world.clock.monotonic()
    return Played(settled, simulated, service.crashes, newest_since)
