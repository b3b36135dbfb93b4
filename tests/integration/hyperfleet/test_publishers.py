"""What Sentinel publishes reaches the service through each broker's own event source."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from pullsecret.domain.identifiers import ClusterId
from pullsecret.infrastructure.intake.topology import Topology
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.infrastructure.pubsub.event_source import PubSubEventSource
from pullsecret.infrastructure.pubsub.settings import PubSubSettings
from pullsecret.infrastructure.rabbitmq.event_source import RabbitMQEventSource
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.brokers.pubsub import VARIABLE, PubSubEmulator
from pullsecret.testing.brokers.rabbitmq import PASSWORD, USER, RabbitMQNode
from pullsecret.testing.hyperfleet.neighbours import keep_up
from pullsecret.testing.hyperfleet.publishers import open_publisher
from pullsecret.testing.hyperfleet.records import Dialect
from pullsecret.testing.hyperfleet.sentinel import Sentinel
from pullsecret.testing.hyperfleet.server import FakeHyperFleet
from pullsecret.testing.patience import PATIENCE


@pytest.fixture
async def sentinel_of() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a fake with one cluster that wants an event."""
    fake = FakeHyperFleet(Dialect.DDR)
    cluster = fake.store.create({"provider": "gcp"}, cluster_id="cls-1")
    keep_up(fake.store, cluster)
    inside = httpx.ASGITransport(fake.api.application())
    async with httpx.AsyncClient(transport=inside, base_url="https://hyperfleet.test/") as client:
        yield client


@pytest.mark.service
async def test_rabbitmq(rabbitmq: RabbitMQNode, sentinel_of: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    settings = RabbitMQSettings(
        urls=(f"amqp://127.0.0.1:{rabbitmq.port}/",),
        user=USER,
        password_file=tmp_path / "password",
        exchange="sentinel-test",
        topology=Topology.CREATE,
    )
    source = RabbitMQEventSource(settings, SystemClock(), MemoryTelemetry(), "replica-1")
    async with (
        source.subscribe() as subscription,
        open_publisher(f"{rabbitmq.url()}?exchange=sentinel-test") as publish,
    ):
        assert await Sentinel(sentinel_of, Dialect.DDR, publish).poll() == 1
        delivery = await asyncio.wait_for(subscription.receive(), PATIENCE)
        assert delivery is not None
        await delivery.ack()
    assert delivery.event.cluster_id == ClusterId("cls-1")
    assert delivery.event.type == "cluster.create"


@pytest.mark.service
async def test_pubsub(
    pubsub: PubSubEmulator, sentinel_of: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, pubsub.address)
    settings = PubSubSettings(project="hyperfleet-test", topic="sentinel", topology=Topology.CREATE)
    source = PubSubEventSource(settings, SystemClock(), MemoryTelemetry(), 10)
    async with (
        source.subscribe() as subscription,
        open_publisher("pubsub://hyperfleet-test/sentinel") as publish,
    ):
        assert await Sentinel(sentinel_of, Dialect.DDR, publish).poll() == 1
        delivery = await asyncio.wait_for(subscription.receive(), PATIENCE)
        assert delivery is not None
        await delivery.ack()
    assert delivery.event.cluster_id == ClusterId("cls-1")
