"""Events per second through ``handle event``, from a real broker: ``python benchmarks/brokers.py``.

The adapter's side runs on one core. Skip path: the event filter is false. Hand-over path: the cluster is
read, the preconditions hold, and a job is made durable, in an embedded API and API server that answer at
once.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import resource
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aio_pika
import attrs
from aiormq import spec
from dependency_injector import providers
from google.pubsub_v1 import PublisherClient

from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import EventSettled, Fact
from pullsecret.domain.identifiers import ClusterId
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import AdapterContainer
from pullsecret.infrastructure.cloudevents.codec import render
from pullsecret.infrastructure.intake.topology import Topology
from pullsecret.infrastructure.memory.broker import MemoryEventSource
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.infrastructure.pubsub.event_source import PubSubEventSource
from pullsecret.infrastructure.pubsub.settings import PubSubSettings
from pullsecret.infrastructure.rabbitmq.event_source import RabbitMQEventSource
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.ports.event_source import EventSource
from pullsecret.testing.brokers.pubsub import VARIABLE, pubsub_emulator
from pullsecret.testing.brokers.rabbitmq import PASSWORD, USER, rabbitmq_node
from pullsecret.testing.contracts.samples import pull_secret_text
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.specs import cluster_spec

CONCURRENCY = Configuration().events.concurrency


@attrs.define
class Settled:
    """Telemetry that counts settled events and keeps how long each took."""

    expected: int
    durations: list[float] = attrs.field(factory=list)
    outcomes: set[str] = attrs.field(factory=set)
    done: asyncio.Event = attrs.field(factory=asyncio.Event)

    def record(self, fact: Fact) -> None:
        if isinstance(fact, EventSettled):
            self.durations.append(fact.duration)
            self.outcomes.add(fact.outcome.value)
            if len(self.durations) >= self.expected:
                self.done.set()


def events(count: int, provider: str) -> list[tuple[dict[str, str], bytes]]:
    """Messages as Sentinel writes them."""
    return [
        render(
            ClusterEvent(
                str(uuid.uuid4()),
                "hyperfleet-sentinel",
                "cluster.update",
                ClusterId(f"cls-{number}"),
                {"provider": provider, "generation": 1, "href": f"/clusters/cls-{number}"},
            )
        )
        for number in range(count)
    ]


@asynccontextmanager
async def memory(
    messages: list[tuple[dict[str, str], bytes]], telemetry: Settled
) -> AsyncIterator[EventSource]:
    world = EmbeddedWorld.create(latency=(0, 0), clock=SystemClock())
    for headers, body in messages:
        await world.broker.publish(headers, body)
    yield MemoryEventSource(world.broker, world.clock, world.faults, CONCURRENCY)


@asynccontextmanager
async def rabbitmq(
    messages: list[tuple[dict[str, str], bytes]], telemetry: Settled
) -> AsyncIterator[EventSource]:
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
        source = RabbitMQEventSource(settings, SystemClock(), telemetry, "benchmark", CONCURRENCY)
        async with source.subscribe():
            pass  # makes the queues
        async with await aio_pika.connect(node.url()) as connection:
            channel = await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
            for headers, body in messages:
                properties = spec.Basic.Properties(content_type=headers["content-type"], delivery_mode=2)
                await channel.basic_publish(
                    body, exchange=settings.exchange, properties=properties, wait=False
                )
            waiting = 0
            while waiting != len(messages):
                waiting = (await channel.queue_declare(settings.queue, passive=True)).message_count or 0
                await asyncio.sleep(0.1)
        yield source


@asynccontextmanager
async def pubsub(
    messages: list[tuple[dict[str, str], bytes]], telemetry: Settled
) -> AsyncIterator[EventSource]:
    with tempfile.TemporaryDirectory() as folder, pubsub_emulator(Path(folder)) as emulator:
        os.environ[VARIABLE] = emulator.address
        settings = PubSubSettings(project="benchmark", topology=Topology.CREATE)
        source = PubSubEventSource(settings, SystemClock(), telemetry, CONCURRENCY)
        from pullsecret.infrastructure.pubsub.clients import PubSubClients
        from pullsecret.infrastructure.pubsub.topology import ensure

        clients = PubSubClients(settings)
        ensure(clients, settings)
        for start in range(0, len(messages), 500):
            batch = [{"data": body, "attributes": headers} for headers, body in messages[start : start + 500]]
            PublisherClient.publish(clients.publisher, topic=settings.topic_path, messages=batch)
        clients.close()
        yield source


BROKERS = {"memory": memory, "rabbitmq": rabbitmq, "pubsub": pubsub}


async def measure(broker: str, path: str, count: int, profile: bool) -> dict[str, Any]:
    """One run."""
    telemetry = Settled(count)
    world = EmbeddedWorld.create(latency=(0, 0), clock=SystemClock())
    messages = events(count, "gcp" if path == "hand-over" else "aws")
    if path == "hand-over":
        spec_ = cluster_spec(Dialect.DDR, project="customer", pull_secret=pull_secret_text())
        ready = {name: {"available": "True"} for name in ("validation", "dns")}
        placement = {"available": "True", "data": {"namespace": "clusters-1"}}
        for number in range(count):
            status = {"adapters": {**ready, "placement": placement}}
            world.hyperfleet.put({"id": f"cls-{number}", "generation": 1, "spec": spec_, "status": status})
    async with BROKERS[broker](messages, telemetry) as source:
        del messages
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(cores)})
        container: Any = AdapterContainer(configuration=Configuration(), world=world, telemetry=telemetry)
        container.event_source.override(providers.Object(source))
        stop = asyncio.Event()
        profiler = cProfile.Profile()
        if profile:
            profiler.enable()
        wall, cpu = time.perf_counter(), time.process_time()
        work = asyncio.create_task(container.consume()(stop))
        await asyncio.wait(
            {work, asyncio.ensure_future(telemetry.done.wait())}, return_when="FIRST_COMPLETED"
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        profiler.disable()
        stop.set()
        await work
        os.sched_setaffinity(0, cores)
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    cuts = statistics.quantiles(telemetry.durations, n=100)
    return {
        "broker": broker,
        "path": path,
        "outcomes": sorted(telemetry.outcomes),
        "events/s": round(count / wall),
        "events/s of CPU": round(count / cpu),
        "p50 ms": round(cuts[49] * 1000, 2),
        "p99 ms": round(cuts[98] * 1000, 2),
        "RSS MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Run what the arguments ask for, each in a process of its own, so that RSS is its own."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--broker", choices=BROKERS, default="rabbitmq")
    arguments.add_argument("--path", choices=["skip", "hand-over"], default="skip")
    arguments.add_argument("--events", type=int, default=20_000)
    arguments.add_argument("--profile", action="store_true")
    given = arguments.parse_args()
    print(asyncio.run(measure(given.broker, given.path, given.events, given.profile)))


if __name__ == "__main__":
    main()
