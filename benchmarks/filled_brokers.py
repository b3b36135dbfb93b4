"""Brokers whose queue holds events as Sentinel writes them."""

import asyncio
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import islice
from pathlib import Path

import aio_pika
from aiormq import spec
from google.pubsub_v1 import PublisherClient

from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.identifiers import ClusterId
from pullsecret.infrastructure.cloudevents.codec import render
from pullsecret.infrastructure.intake.topology import Topology
from pullsecret.infrastructure.memory.broker import MemoryEventSource
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.pubsub.clients import PubSubClients
from pullsecret.infrastructure.pubsub.event_source import PubSubEventSource
from pullsecret.infrastructure.pubsub.settings import PubSubSettings
from pullsecret.infrastructure.pubsub.topology import ensure
from pullsecret.infrastructure.rabbitmq.event_source import RabbitMQEventSource
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.ports.event_source import EventSource
from pullsecret.ports.telemetry import Telemetry
from pullsecret.testing.brokers.pubsub import VARIABLE, pubsub_emulator
from pullsecret.testing.brokers.rabbitmq import PASSWORD, USER, rabbitmq_node

Message = tuple[dict[str, str], bytes]
Filled = Callable[[Sequence[str], str, Telemetry, int], AbstractAsyncContextManager[EventSource]]
"""Given the clusters' ids, the provider that their events name, who is told, and the prefetch."""


def messages(clusters: Iterable[str], provider: str) -> Iterator[Message]:
    """An event for each cluster."""
    for cluster in clusters:
        data = {
            "clusterId": cluster,
            "provider": provider,
            "generation": 1,
            "href": f"/clusters/{cluster}",
        }
        identity = str(uuid.uuid4())
        yield render(
            ClusterEvent(identity, "hyperfleet-sentinel", "cluster.update", ClusterId(cluster), data)
        )


@asynccontextmanager
async def memory(
    clusters: Sequence[str], provider: str, telemetry: Telemetry, prefetch: int
) -> AsyncIterator[EventSource]:
    """The embedded broker."""
    world = EmbeddedWorld.create(latency=(0, 0), clock=SystemClock())
    for headers, body in messages(clusters, provider):
        await world.broker.publish(headers, body)
    yield MemoryEventSource(world.broker, world.clock, world.faults, prefetch)


@asynccontextmanager
async def rabbitmq(
    clusters: Sequence[str], provider: str, telemetry: Telemetry, prefetch: int
) -> AsyncIterator[EventSource]:
    """A RabbitMQ node on a file system in memory."""
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm", ignore_cleanup_errors=True) as folder,
        rabbitmq_node(Path(folder)) as node,
    ):
        password = Path(folder) / "password"
        password.write_text(PASSWORD)
        settings = RabbitMQSettings(
            urls=(f"amqp://127.0.0.1:{node.port}/",),
            user=USER,
            password_file=password,
            topology=Topology.CREATE,
        )
        source = RabbitMQEventSource(settings, SystemClock(), telemetry, "benchmark", prefetch)
        async with source.subscribe():
            pass  # makes the queues
        async with await aio_pika.connect(node.url()) as connection:
            channel = await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
            for headers, body in messages(clusters, provider):
                properties = spec.Basic.Properties(content_type=headers["content-type"], delivery_mode=2)
                await channel.basic_publish(
                    body, exchange=settings.exchange, properties=properties, wait=False
                )
            waiting = 0
            while waiting != len(clusters):
                waiting = (await channel.queue_declare(settings.queue, passive=True)).message_count or 0
                await asyncio.sleep(0.1)
        yield source


@asynccontextmanager
async def pubsub(
    clusters: Sequence[str], provider: str, telemetry: Telemetry, prefetch: int
) -> AsyncIterator[EventSource]:
    """Google's emulator."""
    with tempfile.TemporaryDirectory() as folder, pubsub_emulator(Path(folder)) as emulator:
        os.environ[VARIABLE] = emulator.address
        settings = PubSubSettings(project="benchmark", topology=Topology.CREATE)
        source = PubSubEventSource(settings, SystemClock(), telemetry, prefetch)
        clients = PubSubClients(settings)
        ensure(clients, settings)
        rest = messages(clusters, provider)
        while batch := [{"data": body, "attributes": headers} for headers, body in islice(rest, 500)]:
            PublisherClient.publish(clients.publisher, topic=settings.topic_path, messages=batch)
        clients.close()
        yield source


BROKERS: dict[str, Filled] = {"memory": memory, "rabbitmq": rabbitmq, "pubsub": pubsub}
