"""A replica asks for an absent broker again and again, stops when told to, and ends once it has gone deaf."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
from tests.unit.application.scene import simulated

from pullsecret.domain.drift import Drift
from pullsecret.domain.errors import TransientError
from pullsecret.domain.facts import Interrupted
from pullsecret.domain.reasons import Reason
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import embedded_adapter
from pullsecret.infrastructure.memory.cluster_secret_watch import MemoryClusterSecretWatch
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.ports.event_source import Subscription

AWAY = TransientError("subscribe", "broker", Reason.BROKER_UNAVAILABLE, "Nobody answers.")


@attrs.define
class NoBroker:
    """EventSource port; nobody answers."""

    asked_at: list[float] = attrs.field(factory=list)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        self.asked_at.append(asyncio.get_running_loop().time())
        raise AWAY
        yield


@simulated
async def test_a_broker_that_is_away_is_asked_again_until_the_replica_is_stopped() -> None:
    world = EmbeddedWorld.create(latency=(0, 0))
    adapter = embedded_adapter(Configuration.default(), world, world.telemetry)()
    source, stop = NoBroker(), asyncio.Event()
    work = asyncio.create_task(
        attrs.evolve(adapter, consume=attrs.evolve(adapter.consume, source=source)).run(stop)
    )
    loop = asyncio.get_running_loop()
    started = loop.time()
    await asyncio.sleep(11)
    assert [at - started for at in source.asked_at] == [0, 5, 10]
    assert [fact.error for fact in world.telemetry.of(Interrupted)] == [AWAY] * 3
    stop.set()
    await work
    assert loop.time() - started == 11  # not at the end of the pause


@attrs.define
class BrokerThatFailsInAClientsTask(NoBroker):
    """EventSource port; clients of brokers have tasks of their own, in groups of their own."""

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        self.asked_at.append(asyncio.get_running_loop().time())
        raise ExceptionGroup("client", [ExceptionGroup("connection", [AWAY])])
        yield


@simulated
async def test_a_broker_whose_clients_task_fails_is_away_too() -> None:
    world = EmbeddedWorld.create(latency=(0, 0))
    adapter = embedded_adapter(Configuration.default(), world, world.telemetry)()
    source, stop = BrokerThatFailsInAClientsTask(), asyncio.Event()
    consume = attrs.evolve(adapter.consume, source=source)
    work = asyncio.create_task(attrs.evolve(adapter, consume=consume).run(stop))
    await asyncio.sleep(6)
    assert len(source.asked_at) == 2
    assert [fact.error for fact in world.telemetry.of(Interrupted)] == [AWAY] * 2
    stop.set()
    await work


@simulated
async def test_a_replica_may_leave_drift_to_somebody_else() -> None:
    world = EmbeddedWorld.create(latency=(0, 0))
    adapter = embedded_adapter(Configuration.default(), world, world.telemetry)()
    stop = asyncio.Event()
    work = asyncio.create_task(attrs.evolve(adapter, repair=None).run(stop))
    await asyncio.sleep(60)
    assert not work.done()
    stop.set()
    await work


class UnforeseenError(Exception):
    """Nobody catches it."""


class BreakingWatch(MemoryClusterSecretWatch):
    """A watch of cluster secrets that breaks for good."""

    async def drifts(self) -> AsyncGenerator[Drift, None]:
        await asyncio.sleep(5)
        raise UnforeseenError
        yield


@simulated
async def test_a_replica_that_sees_no_drift_any_more_ends_and_says_why() -> None:
    world = EmbeddedWorld.create(latency=(0, 0))
    adapter = embedded_adapter(Configuration.default(), world, world.telemetry)()
    assert adapter.repair is not None
    watch = BreakingWatch(world.control_plane, world.clock)
    deaf = attrs.evolve(adapter, repair=attrs.evolve(adapter.repair, watch=watch))
    with pytest.raises(BaseExceptionGroup) as raised:
        await asyncio.wait_for(deaf.run(asyncio.Event()), timeout=60)
    assert raised.group_contains(UnforeseenError)
