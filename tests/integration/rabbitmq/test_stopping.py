"""A replica that stops in order while an event is in hand, as each rolling update lets it."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.rabbitmq.harness import rabbitmq_harness, settings_for

from pullsecret.application.consume_events import ConsumeEvents, ConsumePolicy
from pullsecret.application.outcomes import Outcome, Skipped
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import SkipReason
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.contracts.event_source import new_event

pytestmark = pytest.mark.service


async def test_what_comes_while_it_finishes_is_left_to_others(rabbitmq: RabbitMQNode, tmp_path: Path) -> None:
    """It is not taken and given back again and again, which would count until it is put aside."""
    async with rabbitmq_harness(rabbitmq, settings_for(rabbitmq, tmp_path, delivery_limit=2)) as harness:
        taken, go_on, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def handle(_event: ClusterEvent) -> Outcome:
            taken.set()
            await go_on.wait()
            return Skipped(SkipReason.FILTERED)

        consume = ConsumeEvents(
            harness.source, handle, SystemClock(), harness.telemetry, ConsumePolicy(), lambda: None
        )
        await harness.publish(new_event())
        working = asyncio.create_task(consume(stop))
        await taken.wait()
        stop.set()
        await harness.publish(new_event())
        await asyncio.sleep(harness.moment)
        go_on.set()
        await working
        assert await harness.dead_letters() == []
        assert await harness.left() == 1
