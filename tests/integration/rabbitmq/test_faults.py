"""Whatever happens to RabbitMQ and the way to it: every published event is settled, and none is lost.

``PULLSECRET_REPETITIONS`` repeats each fault; docs/brokers.md has the results.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import attrs
import pytest
from tests.integration.rabbitmq.harness import RabbitMQHarness, administrator, rabbitmq_harness, settings_for

from pullsecret.domain.errors import OperationError, PermanentError
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import Interrupted
from pullsecret.infrastructure.intake.circuit import IntakePause
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.infrastructure.rabbitmq.event_source import RabbitMQEventSource
from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.contracts.event_source import new_event
from pullsecret.testing.tcp_proxy import TcpProxy, tcp_proxy

pytestmark = pytest.mark.parametrize("repetition", range(int(os.environ.get("PULLSECRET_REPETITIONS", "1"))))
_PATIENCE = 60.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(_PATIENCE):
        while not condition():  # noqa: ASYNC110 - several tasks make it true
            await asyncio.sleep(0.02)


@attrs.define
class Workers:
    """Replicas that acknowledge most events, and postpone or lose some."""

    harness: RabbitMQHarness
    handled: Counter[str] = attrs.field(factory=Counter)
    pace: float = 0.0

    async def work(self, source: RabbitMQEventSource) -> None:
        async with source.subscribe() as subscription:
            while (delivery := await subscription.receive()) is not None:
                await asyncio.sleep(self.pace)
                try:
                    if delivery.attempt == 1 and hash(delivery.event.id) % 5 == 0:
                        await delivery.retry(0.05)
                    else:
                        await delivery.ack()
                        self.handled[delivery.event.id] += 1
                except OperationError:
                    continue  # it comes again

    async def all_handled(self, events: list[ClusterEvent]) -> None:
        wanted = {event.id for event in events}
        await until(lambda: wanted <= set(self.handled))


@pytest.fixture
async def harness(rabbitmq: RabbitMQNode, tmp_path: Path) -> AsyncIterator[RabbitMQHarness]:
    async with rabbitmq_harness(rabbitmq, settings_for(rabbitmq, tmp_path), prefetch=10) as harness:
        yield harness


@asynccontextmanager
async def through_a_proxy(harness: RabbitMQHarness, node: RabbitMQNode) -> AsyncIterator[TcpProxy]:
    """The harness's source reaches the broker through the proxy; the publisher does not."""
    async with tcp_proxy(node.port) as proxy:
        harness.settings = attrs.evolve(harness.settings, urls=(f"amqp://127.0.0.1:{proxy.port}/",))
        harness.source = harness.another_replica()
        yield proxy


@asynccontextmanager
async def working(workers: Workers, *sources: RabbitMQEventSource) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(workers.work(source)) for source in sources]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def publish(harness: RabbitMQHarness, count: int) -> list[ClusterEvent]:
    events = [new_event() for _ in range(count)]
    for event in events:
        await harness.publish(event)
    return events


async def test_connections_reset_under_load(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, repetition: int
) -> None:
    workers = Workers(harness, pace=0.002)
    async with through_a_proxy(harness, rabbitmq) as proxy, working(workers, harness.source):
        events = await publish(harness, 200)
        for _ in range(5):
            await asyncio.sleep(0.2)
            proxy.reset_all()
        await workers.all_handled(events)
    assert await harness.dead_letters() == []
    assert proxy.connections > 5


@pytest.mark.parametrize("cut_after", [1, 7, 8, 300, 600, 700, 1_000, 2_000, 5_000])
async def test_a_connection_cut_at_any_byte(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, repetition: int, cut_after: int
) -> None:
    """In a frame's header and body, at sign-in, topology, subscription and delivery."""
    workers = Workers(harness)
    events = await publish(harness, 20)
    async with through_a_proxy(harness, rabbitmq) as proxy:
        proxy.reset_after = cut_after
        with suppress(OperationError, TimeoutError):
            async with asyncio.timeout(2), harness.source.subscribe() as subscription:
                await subscription.receive()
        assert proxy.connections
        proxy.reset_after = None
        async with working(workers, harness.source):
            await workers.all_handled(events)
    assert await harness.dead_letters() == []


async def test_a_half_open_connection_is_given_up(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, repetition: int
) -> None:
    workers = Workers(harness)
    async with through_a_proxy(harness, rabbitmq) as proxy, working(workers, harness.source):
        await workers.all_handled(await publish(harness, 5))
        proxy.hold()
        events = await publish(harness, 5)
        before = proxy.connections
        await until(lambda: bool(harness.telemetry.of(Interrupted)))
        proxy.release()
        await workers.all_handled(events)
        assert proxy.connections > before


async def test_the_broker_crashes_under_load(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, repetition: int
) -> None:
    workers = Workers(harness, pace=0.005)
    events = await publish(harness, 200)
    async with working(workers, harness.source, harness.another_replica()):
        await asyncio.sleep(0.2)
        await asyncio.to_thread(rabbitmq.kill_server)
        await until(lambda: bool(harness.telemetry.of(Interrupted)))
        rabbitmq.start_server()  # in this thread: the server ends with the thread that starts it
        await workers.all_handled(events)
    async with administrator(rabbitmq) as harness.channel:
        assert await harness.dead_letters() == []


async def test_a_memory_alarm_holds_up_postponed_events_only(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, repetition: int
) -> None:
    """Acknowledgements go on, postponed events are kept in hand, and nothing is put aside."""
    workers = Workers(harness)
    events = await publish(harness, 30)
    await asyncio.to_thread(rabbitmq.control, "set_vm_memory_high_watermark", "0.0001")
    try:
        async with working(workers, harness.source):
            kept = [event for event in events if hash(event.id) % 5]
            await workers.all_handled(kept)
            await asyncio.to_thread(rabbitmq.control, "set_vm_memory_high_watermark", "0.4")
            await workers.all_handled(events)
    finally:
        await asyncio.to_thread(rabbitmq.control, "set_vm_memory_high_watermark", "0.4")
    assert await harness.dead_letters() == []


async def test_the_queue_is_deleted(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, repetition: int
) -> None:
    """With topology create it is made again; what was in it is lost with it, and Sentinel asks anew."""
    workers = Workers(harness)
    async with working(workers, harness.source):
        await workers.all_handled(await publish(harness, 5))
        await harness.channel.queue_delete(harness.settings.queue)
        await until(lambda: bool(harness.telemetry.of(Interrupted)))
        async with asyncio.timeout(_PATIENCE):
            while not await _exists(harness, rabbitmq):  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)
        await workers.all_handled(await publish(harness, 5))


async def _exists(harness: RabbitMQHarness, node: RabbitMQNode) -> bool:
    listed = await asyncio.to_thread(node.control, "list_bindings", "destination_name", "source_name")
    return f"{harness.settings.queue}\t{harness.settings.exchange}" in listed


async def test_a_revoked_permission_is_told_and_the_consumer_comes_back(
    rabbitmq: RabbitMQNode, tmp_path: Path, repetition: int
) -> None:
    name = f"user-{tmp_path.name}"
    await asyncio.to_thread(rabbitmq.add_user, name)
    async with rabbitmq_harness(rabbitmq, settings_for(rabbitmq, tmp_path, user=name)) as harness:
        workers = Workers(harness)
        async with through_a_proxy(harness, rabbitmq) as proxy, working(workers, harness.source):
            await workers.all_handled(await publish(harness, 5))
            await asyncio.to_thread(rabbitmq.set_permissions, name, "^$", "^$", "^$")
            proxy.reset_all()
            await until(lambda: bool(_refusals(harness.telemetry)))
            events = await publish(harness, 5)
            await asyncio.to_thread(rabbitmq.set_permissions, name, ".*", ".*", ".*")
            await workers.all_handled(events)


def _refusals(telemetry: MemoryTelemetry) -> list[Interrupted]:
    return [fact for fact in telemetry.of(Interrupted) if isinstance(fact.error, PermanentError)]


async def test_one_of_two_replicas_dies(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, repetition: int
) -> None:
    workers, dying = Workers(harness), Workers(harness, pace=0.05)
    events = await publish(harness, 100)
    async with working(workers, harness.another_replica()):
        async with through_a_proxy(harness, rabbitmq) as proxy, working(dying, harness.source):
            await asyncio.sleep(0.1)
            proxy.reset_all()
        workers.handled.update(dying.handled)
        await workers.all_handled(events)
    assert await harness.dead_letters() == []


async def test_a_slow_consumer_holds_no_more_than_its_prefetch(
    harness: RabbitMQHarness, repetition: int
) -> None:
    await publish(harness, 50)
    async with harness.source.subscribe() as subscription:
        await subscription.receive()
        await asyncio.sleep(0.3)
        assert await harness.waiting() == 40


async def test_large_and_many_messages(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, repetition: int
) -> None:
    workers = Workers(harness)
    large = attrs.evolve(new_event(), data={"filler": "x" * 1_000_000})
    await harness.publish(large)
    events = [large, *await publish(harness, 2_000)]
    async with working(workers, harness.source):
        await workers.all_handled(events)
    assert await harness.dead_letters() == []


async def test_a_channel_closed_by_the_broker_is_opened_again(
    harness: RabbitMQHarness, repetition: int
) -> None:
    workers = Workers(harness)
    async with harness.source.subscribe() as subscription:
        await harness.publish(new_event())
        delivery = await subscription.receive()
        assert delivery is not None
        await delivery.session.ack(999_999)  # the broker closes the channel
        async with asyncio.timeout(_PATIENCE):
            again = await subscription.receive()
        assert again is not None
        assert again.event == delivery.event
        await again.ack()
    assert workers.handled == {}


async def test_what_kills_its_consumers_is_put_aside(
    rabbitmq: RabbitMQNode, tmp_path: Path, repetition: int
) -> None:
    settings = settings_for(rabbitmq, tmp_path, delivery_limit=3)
    async with rabbitmq_harness(rabbitmq, settings) as harness:
        await harness.publish(new_event())
        for _ in range(4):
            async with harness.source.subscribe() as subscription, asyncio.timeout(_PATIENCE):
                await subscription.receive()
        async with asyncio.timeout(_PATIENCE):
            while not (letters := await harness.dead_letters()):  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)
        assert "kills" in letters[0]


async def test_when_nothing_can_be_handled_the_intake_pauses(
    rabbitmq: RabbitMQNode, tmp_path: Path, repetition: int
) -> None:
    settings = settings_for(rabbitmq, tmp_path, pause=IntakePause(after=3, seconds=30))
    async with rabbitmq_harness(rabbitmq, settings, prefetch=10) as harness:
        await publish(harness, 8)
        taken = []
        async with harness.source.subscribe() as subscription:

            async def postpone_everything() -> None:
                while (delivery := await subscription.receive()) is not None:
                    taken.append(delivery.event.id)
                    await delivery.retry(20)

            with suppress(TimeoutError):
                await asyncio.wait_for(postpone_everything(), timeout=1)
        assert len(taken) == 3
