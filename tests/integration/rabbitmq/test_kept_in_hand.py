"""Events that cannot be postponed, since a broker with an alarm takes no message."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.rabbitmq.harness import rabbitmq_harness, settings_for

from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.contracts.event_source import new_event
from pullsecret.testing.patience import PATIENCE

pytestmark = pytest.mark.service

LIMIT = 2


async def test_however_long_an_alarm_lasts_no_event_is_put_aside(
    rabbitmq: RabbitMQNode, tmp_path: Path
) -> None:
    """It is handled again and again, and counts its attempts, without being lost by its consumer."""
    settings = settings_for(rabbitmq, tmp_path, delivery_limit=LIMIT, publish_timeout=0.5)
    async with rabbitmq_harness(rabbitmq, settings) as harness, asyncio.timeout(PATIENCE):
        event = new_event()
        await harness.publish(event)
        await asyncio.to_thread(rabbitmq.control, "set_vm_memory_high_watermark", "0.0001")
        try:
            async with harness.source.subscribe() as subscription:
                for attempt in range(1, LIMIT + 4):
                    delivery = await subscription.receive()
                    assert delivery is not None
                    assert (delivery.event.id, delivery.attempt) == (event.id, attempt)
                    await delivery.retry(0.1)
                delivery = await subscription.receive()
                assert delivery is not None
                await delivery.ack()
        finally:
            await asyncio.to_thread(rabbitmq.control, "set_vm_memory_high_watermark", "0.4")
        assert await harness.dead_letters() == []
