"""RabbitMQ fulfils the EventSource port, with events in either mode."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.rabbitmq.harness import RabbitMQHarness, rabbitmq_harness, settings_for

from pullsecret.infrastructure.cloudevents.codec import Mode
from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.contracts import EventSourceContract


class TestRabbitMQEventSource(EventSourceContract):
    @pytest.fixture(params=[Mode.STRUCTURED, Mode.BINARY], ids=lambda mode: mode.value)
    async def harness(
        self, rabbitmq: RabbitMQNode, tmp_path: Path, request: pytest.FixtureRequest
    ) -> AsyncIterator[RabbitMQHarness]:
        settings = settings_for(rabbitmq, tmp_path)
        async with rabbitmq_harness(rabbitmq, settings, mode=request.param) as harness:
            yield harness
