"""Operators' commands on a real RabbitMQ."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from tests.integration.rabbitmq.harness import RabbitMQHarness, rabbitmq_harness, settings_for
from tests.unit.brokers.commands import BrokerCommands

from pullsecret.testing.brokers.rabbitmq import USER, RabbitMQNode


class TestRabbitMQCommands(BrokerCommands):
    @pytest.fixture
    async def harness(self, rabbitmq: RabbitMQNode, tmp_path: Path) -> AsyncIterator[RabbitMQHarness]:
        async with rabbitmq_harness(rabbitmq, settings_for(rabbitmq, tmp_path)) as harness:
            yield harness

    @pytest.fixture
    def config(self, harness: RabbitMQHarness, tmp_path: Path) -> Path:
        return self.file(tmp_path / "adapter.yaml", harness, harness.settings.exchange)

    @pytest.fixture
    def missing_config(self, harness: RabbitMQHarness, tmp_path: Path) -> Path:
        return self.file(tmp_path / "missing.yaml", harness, "nowhere")

    def file(self, file: Path, harness: RabbitMQHarness, exchange: str) -> Path:
        settings = harness.settings
        section = {
            "urls": list(settings.urls),
            "user": USER,
            "passwordFile": str(settings.password_file),
            "exchange": exchange,
            "delays": list(settings.delays),
        }
        file.write_text(yaml.safe_dump({"broker": "rabbitmq", "rabbitmq": section}))
        return file
