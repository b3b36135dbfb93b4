"""The real client against the served fake fulfils the EventSource port, as it does against the emulator."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from tests.integration.pubsub.harness import PubSubHarness, pubsub_harness, pubsub_settings

from pullsecret.infrastructure.cloudevents.codec import Mode, render
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
