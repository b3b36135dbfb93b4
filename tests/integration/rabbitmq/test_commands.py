"""Operators' commands on a real RabbitMQ."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml
from tests.integration.rabbitmq.harness import RabbitMQHarness, rabbitmq_harness, settings_for
from tests.unit.brokers.commands import BrokerCommands

from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.entrypoints.commands import broker
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.infrastructure.rabbitmq.management import bound_keys
from pullsecret.testing.brokers.rabbitmq import PASSWORD, USER, RabbitMQNode
from pullsecret.testing.kubernetes.processes import free_port


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

    def file(self, file: Path, harness: RabbitMQHarness, exchange: str, **more: Any) -> Path:
        settings = harness.settings
        section = {
            "urls": list(settings.urls),
            "user": USER,
            "passwordFile": str(settings.password_file),
            "exchange": exchange,
            "delays": list(settings.delays),
            **more,
        }
        file.write_text(yaml.safe_dump({"broker": "rabbitmq", "rabbitmq": section}))
        return file

    @pytest.fixture
    def management(self, rabbitmq: RabbitMQNode) -> str:
        return rabbitmq.enable_management()

    async def test_check_says_that_it_cannot_see_bindings_and_what_shows_them(
        self, rabbitmq: RabbitMQNode, harness: RabbitMQHarness, config: Path, out: Callable[[], str]
    ) -> None:
        assert await self.call(broker.check, config=config, output="json") is ExitCode.OK
        binding = json.loads(out())[-1]
        settings = harness.settings
        assert binding["name"] == f"binding {settings.exchange} -> {settings.queue} (#)"
        program, *arguments = binding["how_to_look"].split()
        assert program == "rabbitmqctl"
        shown = await asyncio.to_thread(rabbitmq.control, *arguments)
        assert f"{settings.exchange}\t{settings.queue}\t#" in shown
        await self.call(broker.check, config=config)
        assert f"unseen   {binding['name']}" in out()

    async def test_check_sees_a_missing_binding_through_the_management_plugin(
        self, harness: RabbitMQHarness, management: str, tmp_path: Path, out: Callable[[], str]
    ) -> None:
        settings = harness.settings
        config = self.file(tmp_path / "managed.yaml", harness, settings.exchange, managementUrl=management)
        assert await self.call(broker.check, config=config) is ExitCode.OK
        assert f"ok       binding {settings.exchange}" in out()
        await harness.channel.queue_unbind(settings.queue, settings.exchange, routing_key="#")
        assert await self.call(broker.check, config=config) is ExitCode.NOT_AS_IT_SHOULD_BE
        assert f"MISSING  binding {settings.exchange}" in out()

    async def test_what_check_writes_creates_what_is_missing(
        self, harness: RabbitMQHarness, management: str, tmp_path: Path, out: Callable[[], str]
    ) -> None:
        config = self.file(
            tmp_path / "new.yaml", harness, "new", managementUrl=management, bindingKeys=["a", "b.#"]
        )
        assert await self.call(broker.check, config=config, output="json") is ExitCode.NOT_AS_IT_SHOULD_BE
        found = json.loads(out())
        assert all(each["problem"] for each in found)
        (tmp_path / ".rabbitmqadmin.conf").write_text(
            f"[default]\nport = {management.rpartition(':')[2]}\nusername = {USER}\npassword = {PASSWORD}\n"
        )
        for each in found:
            command = ["bash", "-ec", each["how_to_create"]]
            environment = {**os.environ, "HOME": str(tmp_path)}
            await asyncio.to_thread(subprocess.run, command, env=environment, check=True, capture_output=True)
        assert await self.call(broker.check, config=config) is ExitCode.OK

    async def test_a_user_without_the_tag_is_told_what_to_do(
        self, rabbitmq: RabbitMQNode, harness: RabbitMQHarness, management: str
    ) -> None:
        name = f"untagged-{harness.settings.exchange}"
        await asyncio.to_thread(rabbitmq.add_user, name)
        with pytest.raises(PermanentError, match="tag 'management'"):
            await bound_keys(attrs.evolve(harness.settings, user=name), management)

    async def test_a_plugin_that_does_not_answer(self, harness: RabbitMQHarness) -> None:
        with pytest.raises(TransientError, match="cannot be reached"):
            await bound_keys(harness.settings, f"http://127.0.0.1:{free_port()}")
