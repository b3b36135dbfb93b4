"""Pub/Sub fulfils the EventSource port: with either mode of events, ordering keys, and exactly once."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.pubsub.harness import PubSubHarness, pubsub_harness, pubsub_settings

from pullsecret.infrastructure.cloudevents.codec import Mode
from pullsecret.testing.contracts import EventSourceContract

_WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "structured": ({"ordering": False}, {}),
    "binary, ordered, exactly once": (
        {"exactly_once": True},
        {"mode": Mode.BINARY, "ordering_keys": True},
    ),
}


class TestPubSubEventSource(EventSourceContract):
    @pytest.fixture(params=_WAYS.values(), ids=_WAYS.keys())
    async def harness(self, request: pytest.FixtureRequest) -> AsyncIterator[PubSubHarness]:
        settings, given = request.param
        async with pubsub_harness(pubsub_settings(**settings), **given) as harness:
            yield harness
