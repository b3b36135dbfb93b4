"""Operators' commands on the Pub/Sub emulator."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from tests.integration.pubsub.harness import PubSubHarness, pubsub_harness, pubsub_settings
from tests.unit.brokers.commands import BrokerCommands


class TestPubSubCommands(BrokerCommands):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[PubSubHarness]:
        async with pubsub_harness(pubsub_settings()) as harness:
            yield harness

    @pytest.fixture
    def config(self, harness: PubSubHarness, tmp_path: Path) -> Path:
        return self.file(tmp_path / "adapter.yaml", harness.settings.topic)

    @pytest.fixture
    def missing_config(self, tmp_path: Path) -> Path:
        return self.file(tmp_path / "missing.yaml", "nowhere")

    def file(self, file: Path, topic: str) -> Path:
        section = {"project": "hyperfleet-test", "topic": topic}
        file.write_text(yaml.safe_dump({"broker": "pubsub", "pubsub": section}))
        return file
