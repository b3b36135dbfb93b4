"""Whatever happens to RabbitMQ and the way to it: every published event ends in one converged cluster state.

The production use cases serve an embedded world with events from the real broker. ``PULLSECRET_REPETITIONS``
repeats each fault and ``PULLSECRET_WAITING_EVENTS`` says how many events wait at the start;
``python -m benchmarks.broker_faults`` runs it so, and makes the table of docs/brokers.md.
"""

import asyncio
import itertools
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import pytest
from tests.integration.rabbitmq.harness import RabbitMQHarness, administrator, rabbitmq_harness, settings_for

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.facts import BacklogSeen, Interrupted
from pullsecret.infrastructure.intake.circuit import IntakePause
from pullsecret.testing import patience
from pullsecret.testing.brokers.amqp_frames import FrameCuts, Kind
from pullsecret.testing.brokers.fixtures import fresh_rabbitmq
from pullsecret.testing.brokers.fleet import Fleet, wait_until
from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.contracts.event_source import new_event
from pullsecret.testing.tcp_proxy import TcpProxy, tcp_proxy

REPETITIONS: Final = int(os.environ.get("PULLSECRET_REPETITIONS", "1"))
WAITING: Final = int(os.environ.get("PULLSECRET_WAITING_EVENTS", "3000"))
PATIENCE: Final = patience.PATIENCE + WAITING / 500
pytestmark = [pytest.mark.service, pytest.mark.parametrize("repetition", range(REPETITIONS))]

Record = Callable[[str, object], None]
Disturb = Callable[[], Awaitable[None]]


until = partial(wait_until, patience=PATIENCE)


@attrs.define
class Trial:
    """Clusters whose events come from the harness's broker, and what becomes of them."""

    harness: RabbitMQHarness
    record: Record
    lost: int = 0
    """Events that a fault may have taken with it."""
    fleet: Fleet = attrs.field(
        default=attrs.Factory(lambda self: Fleet(self.harness.publish), takes_self=True)
    )

    async def disturbed(self, disturb: Disturb, clusters: int = 40) -> None:
        """While some clusters are new and others have changed, ``disturb``; then let everything end."""
        await self.fleet.disturbed(disturb, clusters, PATIENCE)
        await self.ends()

    async def ends(self) -> None:
        """Every cluster is at rest, and no event is left."""
        await self.fleet.at_rest(PATIENCE, self.lost)
        await self.harness.drained(PATIENCE)

    async def proven(self) -> None:
        """No event was put aside, none is left for whoever comes next, and the counters agree with what
        there is."""
        while await self.harness.left():
            # A replica that stops gives back what it has in hand, and a cut may have lost its answers.
            async with self.fleet.served_by(self.harness.source):
                await self.ends()
        assert await self.harness.dead_letters() == []
        for name, value in self.fleet.prove(self.lost).items():
            self.record(name, value)


@pytest.fixture
async def harness(rabbitmq: RabbitMQNode, tmp_path: Path) -> AsyncIterator[RabbitMQHarness]:
    # What is not answered is given up soon, and comes again.
    hasty = settings_for(rabbitmq, tmp_path, heartbeat=1, publish_timeout=1.0)
    async with rabbitmq_harness(rabbitmq, hasty, prefetch=20) as harness:
        yield harness


@pytest.fixture
async def proxy(harness: RabbitMQHarness, rabbitmq: RabbitMQNode) -> AsyncIterator[TcpProxy]:
    """The harness's source reaches the broker through it; other replicas and the publisher do not."""
    async with tcp_proxy(rabbitmq.port) as proxy:
        harness.source = attrs.evolve(
            harness.source,
            settings=attrs.evolve(harness.settings, urls=(f"amqp://127.0.0.1:{proxy.port}/",)),
        )
        yield proxy


@pytest.fixture
def trial(harness: RabbitMQHarness, record_property: Record) -> Trial:
    return Trial(harness, record_property)


async def test_connections_reset_five_times_under_load(
    harness: RabbitMQHarness, trial: Trial, proxy: TcpProxy, repetition: int
) -> None:
    async def reset() -> None:
        for _ in range(5):
            await asyncio.sleep(random.uniform(0.01, 0.15))
            before = proxy.connections
            proxy.reset_all()
            await until(lambda: proxy.connections > before)  # noqa: B023 - awaited here

    async with trial.fleet.served_by(harness.source):
        await trial.disturbed(reset)
    await trial.proven()
    assert proxy.connections > 5


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())
async def test_a_connection_cut_at_a_frame(
    harness: RabbitMQHarness, trial: Trial, proxy: TcpProxy, repetition: int, kind: Kind
) -> None:
    """Before it, in its header, after its header, in its payload, before its last octet, and after it."""
    cuts = FrameCuts(kind)

    async def cut() -> None:
        proxy.cut = cuts.for_connection
        proxy.reset_all()
        async with asyncio.timeout(PATIENCE):
            while not cuts.done:
                # Some frames come only with an event, or with one that is postponed.
                await trial.fleet.announce(trial.fleet.clusters)
                await asyncio.sleep(0.05)

    async with trial.fleet.served_by(harness.source):
        await trial.disturbed(cut, clusters=4)
    await trial.proven()


async def test_a_half_open_connection(
    harness: RabbitMQHarness, trial: Trial, proxy: TcpProxy, repetition: int
) -> None:
    """Nothing arrives and nothing is refused; heartbeats find out."""

    async def hold() -> None:
        harness.telemetry.facts.clear()
        proxy.hold()
        await until(lambda: BacklogSeen(None) in harness.telemetry.facts)
        proxy.release()

    async with trial.fleet.served_by(harness.source):
        await trial.disturbed(hold)
    await trial.proven()


class TestRestarts:
    @pytest.fixture
    def rabbitmq(self) -> Iterator[RabbitMQNode]:
        """Its own: RabbitMQ 3.10 declares no quorum queue any more after some restarts (INTERNAL_ERROR)."""
        with fresh_rabbitmq() as node:
            yield node

    @pytest.mark.parametrize("how", ["killed", "shut_down"])
    async def test_the_broker_ends_under_load_and_is_started_again(
        self, harness: RabbitMQHarness, rabbitmq: RabbitMQNode, trial: Trial, repetition: int, how: str
    ) -> None:
        end = {"killed": rabbitmq.kill_server, "shut_down": rabbitmq.shut_server_down}[how]
        async with AsyncExitStack() as opened:

            async def restart() -> None:
                await asyncio.to_thread(end)
                await until(lambda: bool(harness.telemetry.of(Interrupted)))
                rabbitmq.start_server()  # in this thread: the server ends with the thread that starts it
                harness.channel = await opened.enter_async_context(administrator(rabbitmq))

            async with trial.fleet.served_by(harness.source, harness.another_replica()):
                await trial.disturbed(restart)
            await trial.proven()


ALARMS: Final = {
    "memory": (("set_vm_memory_high_watermark", "0.0001"), ("set_vm_memory_high_watermark", "0.4")),
    "disk": (("set_disk_free_limit", "900000GB"), ("set_disk_free_limit", "50MB")),
}


@pytest.mark.parametrize("alarm", ALARMS)
async def test_an_alarm(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, trial: Trial, repetition: int, alarm: str
) -> None:
    """Acknowledgements go on; events that have to be postponed are kept in hand meanwhile."""
    sound, end = ALARMS[alarm]
    fleet = trial.fleet
    await fleet.announce(fleet.grow(60))
    await asyncio.to_thread(rabbitmq.control, *sound)
    try:
        async with fleet.served_by(harness.source):
            await until(lambda: bool(kept_in_hand(harness)) and fleet.resting > 20)
            await asyncio.to_thread(rabbitmq.control, *end)
            await trial.ends()
            await trial.disturbed(nothing)
    finally:
        await asyncio.to_thread(rabbitmq.control, *end)
    await trial.proven()


def kept_in_hand(harness: RabbitMQHarness) -> list[Interrupted]:
    return [fact for fact in harness.telemetry.of(Interrupted) if fact.operation == "postpone-event"]


async def nothing() -> None:
    return


async def test_the_queue_is_deleted(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, trial: Trial, repetition: int
) -> None:
    """With topology ``create`` it is made again; what was in it is lost with it, and Sentinel asks anew."""
    fleet = trial.fleet

    async def delete() -> None:
        harness.telemetry.facts.clear()
        await harness.channel.queue_delete(harness.settings.queue)
        await until(lambda: bool(harness.telemetry.of(Interrupted)))
        async with asyncio.timeout(PATIENCE):
            while not await _is_bound(harness, rabbitmq):  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)
        trial.lost = fleet.published.total()
        await fleet.announce(fleet.clusters)

    async with fleet.served_by(harness.source):
        await trial.disturbed(delete)
    await trial.proven()


async def _is_bound(harness: RabbitMQHarness, node: RabbitMQNode) -> bool:
    listed = await asyncio.to_thread(node.control, "list_bindings", "destination_name", "source_name")
    return f"{harness.settings.queue}\t{harness.settings.exchange}" in listed


async def test_a_permission_is_revoked_and_granted_again(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, trial: Trial, proxy: TcpProxy, repetition: int
) -> None:
    """The refusal is told, with what to do, and the consumer comes back by itself."""
    name = f"user-{harness.settings.exchange}"
    await asyncio.to_thread(rabbitmq.add_user, name)
    source = attrs.evolve(harness.source, settings=attrs.evolve(harness.source.settings, user=name))

    async def revoke() -> None:
        await asyncio.to_thread(rabbitmq.set_permissions, name, "^$", "^$", "^$")
        proxy.reset_all()
        await until(lambda: any(_is_refusal(fact) for fact in harness.telemetry.of(Interrupted)))
        await asyncio.to_thread(rabbitmq.set_permissions, name, ".*", ".*", ".*")

    async with trial.fleet.served_by(source):
        await trial.disturbed(revoke)
    await trial.proven()


def _is_refusal(fact: Interrupted) -> bool:
    return isinstance(fact.error, PermanentError) and "Grant" in fact.error.remedy


async def test_one_of_two_replicas_dies_with_events_in_hand(
    harness: RabbitMQHarness, trial: Trial, proxy: TcpProxy, repetition: int
) -> None:
    """Replicas that are processes are killed in ``tests/system/test_high_availability.py``."""
    async with trial.fleet.served_by(harness.another_replica()), AsyncExitStack() as dying:
        await dying.enter_async_context(trial.fleet.served_until_killed_by(harness.source))

        async def die() -> None:
            proxy.hold()  # nothing that it tells on its way out arrives
            await dying.aclose()
            proxy.reset_all()

        await trial.disturbed(die)
    await trial.proven()


async def test_a_channel_that_the_broker_closes_after_a_bad_acknowledgement(
    harness: RabbitMQHarness, repetition: int
) -> None:
    async with harness.source.subscribe() as subscription:
        await harness.publish(new_event())
        delivery = await subscription.receive()
        assert delivery is not None
        await delivery.session.ack(999_999)  # the broker closes the channel
        async with asyncio.timeout(PATIENCE):
            again = await subscription.receive()
        assert again is not None
        assert again.event == delivery.event
        await again.ack()


async def test_many_events_and_a_large_one_wait_at_the_start(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, trial: Trial, repetition: int
) -> None:
    fleet = trial.fleet
    clusters = fleet.grow(100)
    large = fleet.event(clusters[0])
    await harness.publish(attrs.evolve(large, data={**large.data, "filler": "x" * 1_000_000}))
    others = itertools.islice(itertools.cycle(clusters), WAITING - 1)
    await harness.publish_all(rabbitmq, (fleet.event(cluster) for cluster in others))
    async with fleet.served_by(harness.source):
        await trial.ends()
    await trial.proven()


async def test_a_slow_consumer_holds_no_more_than_its_prefetch(
    harness: RabbitMQHarness, repetition: int
) -> None:
    for _ in range(50):
        await harness.publish(new_event())
    async with harness.source.subscribe() as subscription:
        await subscription.receive()
        async with asyncio.timeout(PATIENCE):
            while await harness.waiting() > 50 - harness.prefetch:  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        assert await harness.waiting() == 50 - harness.prefetch


async def test_what_kills_its_consumers_is_put_aside(
    rabbitmq: RabbitMQNode, tmp_path: Path, repetition: int
) -> None:
    settings = settings_for(rabbitmq, tmp_path, delivery_limit=3)
    async with rabbitmq_harness(rabbitmq, settings) as harness:
        await harness.publish(new_event())
        for _ in range(4):
            async with harness.source.subscribe() as subscription, asyncio.timeout(PATIENCE):
                await subscription.receive()
        async with asyncio.timeout(PATIENCE):
            while not (letters := await harness.dead_letters()):  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)
        assert "kills" in letters[0]


async def test_when_nothing_can_be_handled_the_intake_pauses(
    rabbitmq: RabbitMQNode, tmp_path: Path, repetition: int
) -> None:
    settings = settings_for(rabbitmq, tmp_path, pause=IntakePause(after=3, seconds=30))
    async with rabbitmq_harness(rabbitmq, settings, prefetch=10) as harness:
        for _ in range(8):
            await harness.publish(new_event())
        taken = []
        async with harness.source.subscribe() as subscription:

            async def postpone_everything(time_left: asyncio.Timeout) -> None:
                while (delivery := await subscription.receive()) is not None:
                    taken.append(delivery.event.id)
                    await delivery.retry(20)
                    if len(taken) == 3:
                        time_left.reschedule(asyncio.get_running_loop().time() + 1)

            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE) as time_left:
                    await postpone_everything(time_left)
        assert len(taken) == 3


async def test_events_whose_turn_has_not_come_pause_no_intake(
    rabbitmq: RabbitMQNode, tmp_path: Path, repetition: int
) -> None:
    settings = settings_for(rabbitmq, tmp_path, pause=IntakePause(after=3, seconds=2 * PATIENCE))
    async with rabbitmq_harness(rabbitmq, settings, prefetch=10) as harness:
        for _ in range(8):
            await harness.publish(new_event())
        async with harness.source.subscribe() as subscription, asyncio.timeout(PATIENCE):
            for _ in range(8):
                delivery = await subscription.receive()
                assert delivery is not None
                await delivery.defer(2 * PATIENCE)
