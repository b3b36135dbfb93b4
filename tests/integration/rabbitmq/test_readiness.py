"""The adapter's process tells by ``/readyz`` whether RabbitMQ brings events, and outlives its absence."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from tests.integration.rabbitmq.harness import RabbitMQHarness, rabbitmq_harness, settings_for

from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.kubernetes.processes import Child, free_port, start
from pullsecret.testing.patience import PATIENCE
from pullsecret.testing.tcp_proxy import tcp_proxy

_COMMAND = str(Path(sys.executable).parent / "pullsecret")


@pytest.fixture
async def harness(rabbitmq: RabbitMQNode, tmp_path: Path) -> AsyncIterator[RabbitMQHarness]:
    async with rabbitmq_harness(rabbitmq, settings_for(rabbitmq, tmp_path)) as harness:
        yield harness


@asynccontextmanager
async def adapter(folder: Path, settings: RabbitMQSettings, port: int) -> AsyncIterator[Child]:
    section = {
        "urls": list(settings.urls),
        "user": settings.user,
        "passwordFile": str(settings.password_file),
        "exchange": settings.exchange,
        "delays": list(settings.delays),
        "heartbeat": settings.heartbeat,
        "reconnect": {"initial": 0.05, "maximum": 0.2},
    }
    file = folder / "adapter.yaml"
    file.write_text(
        yaml.safe_dump(
            {"broker": "rabbitmq", "rabbitmq": section, "health": {"host": "127.0.0.1", "port": port}}
        )
    )
    child = start([_COMMAND, "adapter", "--config", str(file)], folder / "adapter.log", os.environ)
    try:
        yield child
    finally:
        child.kill()


async def answers(client: httpx.AsyncClient, status: int) -> str:
    """What ``/readyz`` says as soon as it has this status."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                answer = await client.get("/readyz")
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == status and "starting" not in answer.text:
                return answer.text
            await asyncio.sleep(0.05)


async def test_it_is_ready_while_the_broker_brings_events(
    harness: RabbitMQHarness, rabbitmq: RabbitMQNode, tmp_path: Path
) -> None:
    port = free_port()
    async with tcp_proxy(rabbitmq.port) as proxy, httpx.AsyncClient() as client:
        client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
        exchange = harness.settings.exchange
        settings = settings_for(rabbitmq, tmp_path, proxy.port, exchange=exchange, heartbeat=1)
        async with adapter(tmp_path, settings, port) as child:
            assert await answers(client, 200) == "ok\n"
            proxy.hold()  # nothing arrives and nothing is refused: heartbeats find out
            proxy.reset_all()
            assert (await answers(client, 503)).startswith("RabbitMQ: RabbitMQ ")
            assert (await client.get("/healthz")).status_code == 200
            proxy.release()
            assert await answers(client, 200) == "ok\n"
            assert child.running
