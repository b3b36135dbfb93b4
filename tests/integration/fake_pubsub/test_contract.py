"""The real client against the served fake fulfils the EventSource port, as it does against the emulator."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.pubsub.harness import PubSubHarness, pubsub_harness, pubsub_settings

from pullsecret.infrastructure.cloudevents.codec import Mode
from pullsecret.testing.contracts import EventSourceContract
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
