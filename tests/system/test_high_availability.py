"""Two replicas, and everything that may happen to them and to the API server while they work.

Each test shows its fault once; ``PULLSECRET_REPETITIONS=20`` is the full run, which repeats each fault, at
other moments, on both brokers, and cuts the network for a minute each time. ``--log-cli-level=info`` shows
what it came to.
"""

import asyncio
import logging
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from tests.integration.kubernetes.job_harness import eventually
from tests.integration.rabbitmq.harness import rabbitmq_harness, settings_for
from tests.system.broker import RabbitMQBroker, ServedBroker, SystemBroker
from tests.system.world import AdapterProcess, SystemWorld, system_world

from pullsecret.infrastructure.job_process.termination_message import encode_result
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.contracts.job_runner import SUCCESS
from pullsecret.testing.hyperfleet.faults import Fault
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.gateway import gateway
from pullsecret.testing.kubernetes.node_agent import Image
from pullsecret.testing.patience import PATIENCE
from pullsecret.testing.tcp_proxy import tcp_proxy

REPETITIONS: Final = int(os.environ.get("PULLSECRET_REPETITIONS", "1"))
FULL_RUN: Final = REPETITIONS >= 20
pytestmark = [pytest.mark.service, pytest.mark.asyncio, *([pytest.mark.timeout(7200)] if FULL_RUN else [])]

CUT_SECONDS: Final = 60.0 if FULL_RUN else 3.0
CLUSTERS: Final = 8
LOG: Final = logging.getLogger("pullsecret.high-availability")

# A job that takes a moment and succeeds: what a job does is not the question here.
_COMMAND: Final = (
    "/bin/sh",
    "-c",
    f"sleep 0.$(($$ % 9)); printf '%s' '{encode_result(SUCCESS, '', {})}' > /dev/termination-log",
)
SETTINGS: Final[dict[str, Any]] = {
    "command": list(_COMMAND),
    "times": {"remind": 3.0, "orphanGrace": 10.0},
}

BROKERS: Final = ["served", "rabbitmq"]


@pytest.fixture(params=BROKERS if FULL_RUN else BROKERS[:1])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SystemBroker]:
    """Where events come from."""
    if request.param == "served":
        async with ServedBroker().serve() as served:
            yield served
        return
    node: RabbitMQNode = request.getfixturevalue("rabbitmq")
    async with rabbitmq_harness(node, settings_for(node, tmp_path)) as harness:
        broker = RabbitMQBroker(harness)
        yield broker
        assert await harness.dead_letters() == []


@pytest.fixture
async def world(
    control_plane: ControlPlane, tmp_path: Path, broker: SystemBroker
) -> AsyncIterator[SystemWorld]:
    """The service's surroundings, with jobs that end soon."""
    async with system_world(control_plane, tmp_path, Image(_COMMAND, []), broker, **SETTINGS) as world:
        yield world


async def add_replica(world: SystemWorld, server: str | None = None) -> AdapterProcess:
    # The jobs here write no secret, which would be seen as a drift.
    return await world.add_replica(server, drift=None)


@attrs.define
class Tally:
    """What the repetitions came to."""

    reports: Counter[int] = attrs.field(factory=Counter)
    """How many clusters were reported once, twice, ..."""

    def __str__(self) -> str:
        told = ", ".join(f"{clusters} told {times} x" for times, clusters in sorted(self.reports.items()))
        return f"{self.reports.total()} clusters: {told}"


async def repeat(world: SystemWorld, disturb: Callable[[], Awaitable[None]]) -> None:
    """Provision some clusters, ``disturb`` meanwhile, and hold the end against what was asked for."""
    tally = Tally()
    for repetition in range(REPETITIONS):
        clusters = [await world.new_cluster() for _ in range(CLUSTERS)]
        # Each event comes twice, at once.
        await world.announce(*clusters, *clusters)
        await disturb()

        async def all_told(clusters: list[str] = clusters) -> bool:
            return all(world.condition(each) == "True" for each in clusters)

        await eventually(all_told, PATIENCE)
        await eventually(lambda: nothing_left(world), PATIENCE)
        names = {job["metadata"]["name"] for job in await world.jobs()}
        for cluster_id in clusters:
            # Once in effect: one job, of the first attempt.
            mine = {name for name in names if cluster_id in name}
            assert mine == {f"pullsecret-{cluster_id}-gen1"}
        told = told_ends(world)
        tally.reports.update(told[each] for each in clusters)
        LOG.info("repetition %d: %s", repetition + 1, tally)


def told_ends(world: SystemWorld) -> Counter[str]:
    """How often the replicas told the end of each cluster's job, as their logs say."""
    lines = [line for replica in world.replicas for line in replica.lines("post-status")]
    return Counter(line["cluster_id"] for line in lines if "Status told" in line["message"])


async def nothing_left(world: SystemWorld) -> bool:
    """No event waits, every job is reported, and no temporary secret is there."""
    if not await world.broker.is_empty():
        return False
    jobs = await world.jobs()
    reported = all(marks.REPORTED_LABEL in job["metadata"]["labels"] for job in jobs)
    return reported and not await world.temporary_secrets()


async def test_undisturbed_each_end_is_told_once(world: SystemWorld) -> None:
    # On a busy machine a reminder could come before an end is told.
    world.job["times"] = {**world.job["times"], "remind": PATIENCE}
    await add_replica(world)
    await add_replica(world)

    async def nothing() -> None:
        return

    await repeat(world, nothing)
    assert set(told_ends(world).values()) == {1}


@pytest.mark.parametrize("broker", BROKERS, indirect=True)
async def test_replicas_that_are_killed(world: SystemWorld) -> None:
    replicas = [await add_replica(world) for _ in range(2)]

    async def kill() -> None:
        victims = random.choice([replicas[:1], replicas[1:], replicas])
        for victim in victims:
            await asyncio.sleep(random.uniform(0, 2.0))
            victim.kill()
        for victim in victims:
            victim.start()

    await repeat(world, kill)


async def test_a_network_that_is_cut(control_plane: ControlPlane, world: SystemWorld) -> None:
    async with tcp_proxy(control_plane.port) as proxy:
        await add_replica(world, proxy.url)
        await add_replica(world)

        async def cut() -> None:
            await asyncio.sleep(random.uniform(0, 2.0))
            proxy.hold()
            await asyncio.sleep(CUT_SECONDS)
            proxy.release()

        await repeat(world, cut)


async def test_an_api_server_that_crashes(control_plane: ControlPlane, world: SystemWorld) -> None:
    await add_replica(world)
    await add_replica(world)

    async def crash() -> None:
        await asyncio.sleep(random.uniform(0, 2.0))
        control_plane.kill_apiserver()
        await asyncio.sleep(1)
        control_plane.start_apiserver()

    await repeat(world, crash)


async def test_an_api_server_that_is_slow(control_plane: ControlPlane, world: SystemWorld) -> None:
    async with gateway(control_plane) as slow:
        slow.faults.add(Fault(delay=0.3), times=-1)
        await add_replica(world, slow.url)
        await add_replica(world, slow.url)

        async def stall() -> None:
            await asyncio.sleep(random.uniform(0, 2.0))
            control_plane.freeze_apiserver()
            await asyncio.sleep(2)
            control_plane.thaw_apiserver()

        await repeat(world, stall)


async def test_an_api_server_that_asks_for_patience(control_plane: ControlPlane, world: SystemWorld) -> None:
    async with gateway(control_plane) as busy:
        await add_replica(world, busy.url)
        await add_replica(world, busy.url)

        async def refuse() -> None:
            await asyncio.sleep(random.uniform(0, 1.0))
            busy.faults.add(Fault(status=429, retry_after="1"), times=random.randint(10, 40))

        await repeat(world, refuse)
        assert any(exchange.status == 429 for exchange in busy.journal)
