"""The real client against the served fake fulfils the EventSource port, as it does against the emulator."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from tests.integration.pubsub.harness import PubSubHarness, pubsub_harness, pubsub_settings
from tests.integration.pubsub.trial import until

from pullsecret.infrastructure.cloudevents.codec import Mode, render
from pullsecret.infrastructure.intake.operations import EVERY_ONE
from pullsecret.infrastructure.pubsub.operations import pubsub_operations
from pullsecret.testing.contracts import EventSourceContract
from pullsecret.testing.contracts.event_source import new_event
from pullsecret.testing.pubsub.fake import FakePubSub

_WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "structured": ({"ordering": False}, {}),
    "binary, ordered, exactly once": (
        {"exactly_once": True},
        {"mode": Mode.BINARY, "ordering_keys": True},
    ),
}


class TestFakePubSub(EventSourceContract):
    @pytest.fixture(params=_WAYS.values(), ids=_WAYS.keys())
    async def harness(
        self, request: pytest.FixtureRequest, fake_pubsub: FakePubSub
    ) -> AsyncIterator[PubSubHarness]:
        settings, given = request.param
        async with pubsub_harness(pubsub_settings(**settings), **given) as harness:
            yield harness


async def test_an_event_without_a_time_is_dated_by_its_publication(fake_pubsub: FakePubSub) -> None:
    """So that the lag of the queue can be told."""
    async with pubsub_harness(pubsub_settings()) as harness:
        dated = attrs.evolve(new_event(), time=datetime(2024, 2, 29, tzinfo=UTC))
        headers, body = render(dated)
        before = datetime.now(UTC)
        await harness.publish_raw(headers, re.sub(rb'"time": *"[^"]*",? *', b"", body))
        await harness.publish(dated)
        after = datetime.now(UTC)
        async with harness.source.subscribe() as subscription:
            first, second = [await subscription.receive() for _ in range(2)]
            assert first is not None
            assert second is not None
            assert first.event.time is not None
            assert before <= first.event.time <= after
            assert second.event.time == dated.time


_ATTRIBUTES: dict[str, list[str]] = {
    "called like parameters": ["topic", "data", "timeout", "retry", "ordering_key"],
    "as many as may be": [f"note-{number}" for number in range(100)],
}


@pytest.mark.parametrize("names", _ATTRIBUTES.values(), ids=_ATTRIBUTES)
async def test_a_message_is_put_aside_and_put_back_whatever_attributes_it_has(
    fake_pubsub: FakePubSub, names: list[str]
) -> None:
    async with pubsub_harness(pubsub_settings()) as harness:
        await harness.publish_raw(dict.fromkeys(names, "x"), b"no event")
        event = new_event()
        await harness.publish(event)
        async with harness.source.subscribe() as subscription:
            delivery = await subscription.receive()
            assert delivery is not None
            assert delivery.event == event
            await delivery.ack()
        assert fake_pubsub.unsettled(harness.settings.subscription_path) == 0
        async with pubsub_operations(harness.settings) as operations:
            assert await operations.requeue(EVERY_ONE) == 1
        assert fake_pubsub.unsettled(harness.settings.subscription_path) == 1


async def test_taking_all_dead_letters_may_take_longer_than_a_lease(fake_pubsub: FakePubSub) -> None:
    """After an outage there are thousands; none comes a second time, or the taking would never end."""
    async with pubsub_harness(pubsub_settings()) as harness:
        dead = harness.settings.dead_letter_subscription_path
        for _ in range(2):
            await harness.publish_raw({}, b"no event")
        async with harness.source.subscribe():
            await until(lambda: fake_pubsub.unsettled(dead) == 2)
        async with pubsub_operations(harness.settings) as operations:
            putting_back = asyncio.create_task(operations.requeue(EVERY_ONE))
            await until(lambda: len(fake_pubsub.leases(dead)) == 2)
            await asyncio.sleep(harness.moment)
            fake_pubsub.advance(60)
            assert await putting_back == 2
        assert fake_pubsub.unsettled(dead) == 0
