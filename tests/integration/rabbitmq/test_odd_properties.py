"""Messages with properties that the client library cannot read, or cannot write again."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from aiormq import spec
from tests.integration.rabbitmq.harness import RabbitMQHarness, rabbitmq_harness, settings_for

from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import Interrupted
from pullsecret.infrastructure.cloudevents.codec import render
from pullsecret.ports.event_source import Delivery, Subscription
from pullsecret.testing.brokers.rabbitmq import RabbitMQNode
from pullsecret.testing.contracts.event_source import new_event
from pullsecret.testing.patience import PATIENCE

pytestmark = [pytest.mark.service, pytest.mark.asyncio]


class NotUtf8(str):
    """Goes over the wire as Latin-1."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return super().encode("latin-1")


class Microseconds(datetime):
    """Goes over the wire as microseconds, where seconds belong."""

    def timestamp(self) -> float:
        return super().timestamp() * 1e6


def nested(depth: int) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for _ in range(depth):
        table = {"in": table}
    return table


FRAME: Final = 131_072
"""Octets, the most that broker and client library agree on."""

ODD: Final[Mapping[str, Mapping[str, Any]]] = {
    "a header's name that is not UTF-8": {"headers": {NotUtf8("größe"): 1}},
    "a header's value that is not UTF-8": {"headers": {"size": NotUtf8("größe")}},
    "such values in a list": {"headers": {"sizes": [NotUtf8("größe")]}},
    "a type that is not UTF-8": {"message_type": NotUtf8("größe")},
    "a time in microseconds": {"timestamp": Microseconds(2026, 11, 1, tzinfo=UTC)},
    "more tables within tables than can be read": {"headers": nested(1000)},
    "more tables within tables than can be told": {"headers": {"ce-source": nested(420)}},
    "headers that fill a frame": {"headers": {"note": "x" * (FRAME - 120)}},
    "so many headers that they fill a frame": {"headers": {f"{n:05}": None for n in range(FRAME // 7 - 16)}},
}


@contextmanager
def deep_calls() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@pytest.fixture
async def harness(rabbitmq: RabbitMQNode, tmp_path: Path) -> AsyncIterator[RabbitMQHarness]:
    async with rabbitmq_harness(rabbitmq, settings_for(rabbitmq, tmp_path)) as made:
        yield made


async def publish(harness: RabbitMQHarness, event: ClusterEvent, odd: Mapping[str, Any]) -> None:
    """Publish ``event`` with ``odd`` properties beside it."""
    headers, body = render(event, harness.mode)
    properties = spec.Basic.Properties(content_type=headers["content-type"], delivery_mode=2, **odd)
    with deep_calls():
        await harness.channel.basic_publish(
            body, exchange=harness.settings.exchange, properties=properties, mandatory=True
        )


async def received(subscription: Subscription) -> Delivery:
    async with asyncio.timeout(PATIENCE):
        delivery = await subscription.receive()
    assert delivery is not None
    return delivery


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_an_event_with_odd_properties_is_handled_like_any_other(
    harness: RabbitMQHarness, odd: Mapping[str, Any]
) -> None:
    event, beside = new_event(), new_event()
    await publish(harness, event, odd)
    await harness.publish(beside)
    async with harness.source.subscribe() as subscription:
        first, second = await received(subscription), await received(subscription)
        assert (first.event, second.event) == (event, beside)
        await second.ack()
        await first.retry(0.1)
        again = await received(subscription)
        assert (again.event, again.attempt) == (event, 2)
        await again.dead_letter("not wanted")
    assert await harness.dead_letters() == ["not wanted"]
    assert [fact for fact in harness.telemetry.facts if isinstance(fact, Interrupted)] == []


async def test_an_attempt_that_nobody_can_have_counted_is_followed_by_another(
    harness: RabbitMQHarness,
) -> None:
    event = new_event()
    await publish(harness, event, {"headers": {"x-pullsecret-attempt": 2**63 - 1}})
    async with harness.source.subscribe() as subscription:
        await (await received(subscription)).retry(0.1)
        again = await received(subscription)
        assert again.event == event
        await again.ack()
    assert [fact for fact in harness.telemetry.facts if isinstance(fact, Interrupted)] == []
