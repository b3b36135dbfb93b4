"""What the tests need around the adapter: a queue of their own, a publisher, a look at the dead letters."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aio_pika
import attrs
from aiormq import spec
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity

from pullsecret.domain.backoff import Backoff
from pullsecret.domain.events import ClusterEvent
from pullsecret.infrastructure.cloudevents.codec import Mode, render
from pullsecret.infrastructure.intake.topology import Topology
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.infrastructure.rabbitmq import marks
from pullsecret.infrastructure.rabbitmq.event_source import RabbitMQEventSource
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.brokers.rabbitmq import PASSWORD, USER, RabbitMQNode
from pullsecret.testing.patience import PATIENCE


def settings_for(node: RabbitMQNode, folder: Path, port: int | None = None, **given: Any) -> RabbitMQSettings:
    """Settings with an exchange and queues of their own, which the adapter creates; in no hurry to give the
    broker up."""
    password = folder / "password"
    password.write_text(f"{PASSWORD}\n")
    defaults: dict[str, Any] = {
        "urls": (f"amqp://127.0.0.1:{port or node.port}/",),
        "user": USER,
        "password_file": password,
        "exchange": f"clusters-{uuid.uuid4().hex[:8]}",
        "topology": Topology.CREATE,
        "delays": (0.1, 0.5, 1.0, 2.0),
        "connect_timeout": PATIENCE,
        "reconnect": Backoff(initial=0.05, factor=2, maximum=0.5),
        "publish_timeout": PATIENCE,
    }
    return RabbitMQSettings(**{**defaults, **given})


@attrs.define
class RabbitMQHarness:
    """See the contract suite."""

    settings: RabbitMQSettings
    channel: AbstractChannel
    """Of an administrator, past any proxy."""
    prefetch: int = 3
    patience: float = PATIENCE
    moment: float = 0.3
    mode: Mode = Mode.STRUCTURED
    telemetry: MemoryTelemetry = attrs.field(factory=MemoryTelemetry)
    source: RabbitMQEventSource = attrs.field(init=False)
    _replicas: int = 0

    def __attrs_post_init__(self) -> None:
        self.source = self.another_replica()

    def another_replica(self) -> RabbitMQEventSource:
        self._replicas += 1
        name = f"replica-{self._replicas}"
        return RabbitMQEventSource(self.settings, SystemClock(), self.telemetry, name, self.prefetch)

    async def publish(self, event: ClusterEvent) -> None:
        await self.publish_raw(*render(event, self.mode))

    async def publish_raw(self, headers: Mapping[str, str], body: bytes) -> None:
        others = {key: value for key, value in headers.items() if key != "content-type"}
        properties = spec.Basic.Properties(
            content_type=headers.get("content-type"), headers=others, delivery_mode=2
        )
        # Watermill, Sentinel's library, gives no routing key.
        await self.channel.basic_publish(
            body, exchange=self.settings.exchange, routing_key="", properties=properties, mandatory=True
        )

    async def dead_letters(self) -> Sequence[str]:
        reasons = []
        while isinstance(
            (letter := await self.channel.basic_get(self.settings.dead_letter_queue, no_ack=True)).delivery,
            spec.Basic.GetOk,
        ):
            reasons.append(marks.reason_of(letter))
        return reasons

    async def publish_all(self, node: RabbitMQNode, events: Iterable[ClusterEvent]) -> None:
        """Publish many events, which is quicker without waiting for each; returns once all wait."""
        async with await aio_pika.connect(node.url()) as connection:
            channel = await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
            count = 0
            for count, event in enumerate(events, 1):
                headers, body = render(event, self.mode)
                properties = spec.Basic.Properties(content_type=headers["content-type"], delivery_mode=2)
                await channel.basic_publish(
                    body, exchange=self.settings.exchange, properties=properties, wait=not count % 100
                )
            while await self.waiting() < count:  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)

    async def waiting(self) -> int:
        """Events that nobody has in hand and that are not postponed."""
        return await self._messages(self.settings.queue)

    async def left(self) -> int:
        """Events that nobody has in hand, postponed ones included."""
        settings = self.settings
        queues = [settings.queue, *(settings.delay_queue(delay) for delay in settings.delays)]
        return sum([await self._messages(queue) for queue in queues])

    async def drained(self, patience: float) -> None:
        """Return once nothing waits, nor is postponed."""
        async with asyncio.timeout(patience):
            while await self.left():  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)

    async def _messages(self, queue: str) -> int:
        answer = await self.channel.queue_declare(queue, passive=True)
        return answer.message_count or 0


async def _remove(settings: RabbitMQSettings, channel: AbstractChannel) -> None:
    await channel.exchange_delete(settings.exchange)
    for queue in (settings.queue, settings.dead_letter_queue):
        await channel.queue_delete(queue)
    for delay in settings.delays:
        await channel.queue_delete(settings.delay_queue(delay))


async def _removed(settings: RabbitMQSettings, node: RabbitMQNode) -> None:
    """A broker that was restarted lacks its queues' leaders at first."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with administrator(node) as channel:
                    return await _remove(settings, channel)
            except ChannelNotFoundEntity:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def administrator(node: RabbitMQNode) -> AsyncIterator[AbstractChannel]:
    """A channel that may do everything."""
    async with await aio_pika.connect(node.url()) as connection:
        yield await (await connection.channel()).get_underlay_channel()


@asynccontextmanager
async def rabbitmq_harness(
    node: RabbitMQNode, settings: RabbitMQSettings, **given: Any
) -> AsyncIterator[RabbitMQHarness]:
    """A harness with its queues in place; they are gone afterwards."""
    async with administrator(node) as channel:
        harness = RabbitMQHarness(settings, channel, **given)
        async with harness.source.subscribe():
            pass  # makes the queues
        yield harness
    await _removed(settings, node)
