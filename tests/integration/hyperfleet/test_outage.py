"""The API is away for an hour: nothing is lost, nobody hammers, and its return is no stampede."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from tests.integration.hyperfleet.simulated import SimulatedWorld
from tests.integration.hyperfleet.test_histories import agreement

from pullsecret.infrastructure.memory.simulated_time import EPOCH, run_simulated
from pullsecret.testing.contracts.samples import pull_secret_text
from pullsecret.testing.hyperfleet.faults import Fault
from pullsecret.testing.hyperfleet.records import Dialect

CLUSTERS = 25
HOUR = 3600.0

both_dialects = pytest.mark.parametrize("dialect", list(Dialect))


async def with_fleet(
    dialect: Dialect, then: Callable[[SimulatedWorld, list[str]], Awaitable[None]], clusters: int = CLUSTERS
) -> None:
    """Run ``then`` on a world where every cluster's job has just been handed over."""
    world = SimulatedWorld.create(dialect)
    world.fake.faults.add(Fault(delay=0.05), times=-1)
    ids = [f"cls-{number}" for number in range(clusters)]
    for cluster_id in ids:
        world.create_cluster(cluster_id, pull_secret_text())
    async with world.running():
        for _ in range(600):
            if world.embedded.jobs.all():
                break
            await asyncio.sleep(0.1)
        await then(world, ids)


async def an_hour_away(world: SimulatedWorld, ids: list[str]) -> None:
    world.link.down = True
    before = world.link.attempts
    await asyncio.sleep(HOUR)
    tried = world.link.attempts - before
    ended = len(world.embedded.jobs.unreported())
    assert ended, "no job ended meanwhile, so nothing is shown"

    world.link.down = False
    back_at = world.embedded.clock.monotonic()
    await agreement(world, limit=600)

    # Asked once per open circuit, not once per event or report.
    assert tried < HOUR / 10
    statuses = [exchange for exchange in world.fake.journal if exchange.method in ("PUT", "POST")]
    assert {exchange.concurrent for exchange in statuses} == {1}
    assert max(exchange.busy for exchange in world.fake.journal) <= 32
    per_second = Counter(
        int((exchange.at - EPOCH).total_seconds())
        for exchange in world.fake.journal
        if (exchange.at - EPOCH).total_seconds() >= back_at
    )
    # Never more in a second than one ordinary round of Sentinel's makes (cluster, statuses, report) and the
    # ends that had waited.
    assert max(per_second.values()) <= 4 * len(ids)
    # And what had waited does not all come in the moment of its return.
    assert per_second[int(back_at)] < len(ids) / 2


@both_dialects
def test_an_hour_away(dialect: Dialect) -> None:
    run_simulated(with_fleet(dialect, an_hour_away))


async def newer_meanwhile(world: SimulatedWorld, ids: list[str]) -> None:
    """What ends while the API is away is told in order: the newest generation is the last word."""
    await asyncio.sleep(60)
    world.link.down = True
    for cluster_id in ids:
        world.patch(cluster_id, world.spec(pull_secret_text()))
    await asyncio.sleep(HOUR / 2)
    for cluster_id in ids:
        world.patch(cluster_id, world.spec(pull_secret_text()))
    await asyncio.sleep(HOUR / 2)
    world.link.down = False
    await agreement(world, limit=600)
    for cluster_id in ids:
        told = [
            report.observed_generation
            for of, report in world.fake.store.accepted
            if of == cluster_id and report.adapter == "pullsecret"
        ]
        assert told == sorted(told)
        assert told[-1] == 3


@both_dialects
def test_the_newest_generation_wins(dialect: Dialect) -> None:
    run_simulated(with_fleet(dialect, newer_meanwhile, clusters=10))


async def redelivered(world: SimulatedWorld, ids: list[str]) -> None:
    await agreement(world)
    before = {cluster_id: world.told(cluster_id) for cluster_id in ids}
    for event in world.published * 3:
        await world.deliver(event)
    await asyncio.sleep(300)
    for cluster_id in ids:
        first, now = before[cluster_id], world.told(cluster_id)
        assert first is not None
        assert now is not None
        assert now.conditions == first.conditions
        told = [
            report.status_of("Available")
            for of, report in world.fake.store.accepted
            if of == cluster_id and report.adapter == "pullsecret"
        ]
        assert told[told.index("True") :] == ["True"] * told.count("True")


@both_dialects
def test_no_condition_flaps_when_events_come_again(dialect: Dialect) -> None:
    run_simulated(with_fleet(dialect, redelivered, clusters=10))
