"""What a call left that took effect after everybody had given it up goes with the next sweep."""

import asyncio

from tests.unit.application.scene import simulated

from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import embedded_adapter
from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.testing.contracts.samples import new_order


@simulated
async def test_a_running_adapter_sweeps_again_and_again() -> None:
    world = EmbeddedWorld.create(faults=[FaultRule("job-runner.sweep", Fault.FAIL, nth=2)])
    stop = asyncio.Event()
    running = asyncio.create_task(
        embedded_adapter(Configuration.default(), world, world.telemetry)().run(stop)
    )
    for _ in range(2):
        await asyncio.sleep(10)
        late = new_order()
        world.jobs.orders[late.key] = late
        await asyncio.sleep(90)
        assert world.jobs.orders == {}
    stop.set()
    await running
