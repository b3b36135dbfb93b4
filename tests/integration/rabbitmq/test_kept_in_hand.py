"""Events that cannot be postponed, since a broker with an alarm takes no message."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.rabbitmq.harness import rabbitmq_harness, settings_for

from pullsecret.domain.errors import TransientError
from pullsecret.domain.facts import Interrupted
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


async def test_what_is_in_hand_for_longer_than_the_broker_allows_comes_again(
    rabbitmq: RabbitMQNode, tmp_path: Path
) -> None:
    """``consumer_timeout`` of RabbitMQ, half an hour as a rule; it looks once a minute."""

    async def allow(milliseconds: int, every: int) -> None:
        wish = "application:set_env(rabbit, {}, {})"
        both = [wish.format("consumer_timeout", milliseconds), wish.format("channel_tick_interval", every)]
        await asyncio.to_thread(rabbitmq.control, "eval", f"{', '.join(both)}.")

    await allow(3_000, every=100)
    try:
        async with rabbitmq_harness(rabbitmq, settings_for(rabbitmq, tmp_path)) as harness:
            await harness.publish(new_event())
            async with harness.source.subscribe() as subscription, asyncio.timeout(PATIENCE):
                first, again = await subscription.receive(), await subscription.receive()
                assert first is not None
                assert again is not None
                assert again.event == first.event
                await again.ack()
            told = harness.telemetry.of(Interrupted)[0].error
            assert isinstance(told, TransientError)
            assert "delivery acknowledgement" in told.cause
    finally:
        await allow(1_800_000, every=60_000)
