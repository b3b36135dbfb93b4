"""Where the small Sentinel publishes: any of the brokers, or standard output."""

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

Publish = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Publishes one CloudEvent, given as its JSON object (structured mode). Raises :class:`NotPublishedError`."""


class NotPublishedError(Exception):
    """The broker did not take an event."""


CONTENT_TYPE = "application/cloudevents+json"
DEFAULT_EXCHANGE = "hyperfleet-clusters"


def open_publisher(target: str) -> AbstractAsyncContextManager[Publish]:
    """What publishes to `target`, open as long as the block.

    `-`: one line of JSON on standard output for each event. `amqp://user:password@host:port/vhost?exchange=E`
    (or `amqps`): to RabbitMQ, to the topic exchange E, which is made if missing. `pubsub://project/topic`: to
    Google Pub/Sub, or to the emulator at PUBSUB_EMULATOR_HOST. Raises ValueError for anything else.
    """
    parts = urlsplit(target)
    if target == "-":
        return _standard_output()
    if parts.scheme in ("amqp", "amqps"):
        exchange = parse_qs(parts.query).get("exchange", [DEFAULT_EXCHANGE])[0]
        return _rabbitmq(urlunsplit(parts._replace(query="")), exchange)
    if parts.scheme == "pubsub" and parts.netloc and parts.path.strip("/"):
        return _pubsub(parts.netloc, parts.path.strip("/"))
    raise ValueError(
        f"{parts.scheme or target!r} is no broker; give -, amqp://..., or pubsub://PROJECT/TOPIC"
    )


@asynccontextmanager
async def _standard_output() -> AsyncIterator[Publish]:
    async def publish(event: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()

    yield publish


@contextmanager
def _told_alike() -> Iterator[None]:
    # Each client library has errors of its own, and this one thing to say with them.
    try:
        yield
    except Exception as error:
        raise NotPublishedError(type(error).__name__) from error


@asynccontextmanager
async def _rabbitmq(url: str, exchange: str) -> AsyncIterator[Publish]:
    import aio_pika

    connection = await aio_pika.connect_robust(url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        topic = await channel.declare_exchange(exchange, aio_pika.ExchangeType.TOPIC, durable=True)

        async def publish(event: Mapping[str, Any]) -> None:
            message = aio_pika.Message(
                json.dumps(event).encode(),
                content_type=CONTENT_TYPE,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            with _told_alike():
                await topic.publish(message, routing_key=event["type"], mandatory=False)

        yield publish


@asynccontextmanager
async def _pubsub(project: str, topic: str) -> AsyncIterator[Publish]:
    import asyncio

    from google.cloud.pubsub_v1 import PublisherClient

    client = PublisherClient()
    path = client.topic_path(project, topic)

    async def publish(event: Mapping[str, Any]) -> None:
        body = json.dumps(event).encode()
        with _told_alike():
            await asyncio.wrap_future(client.publish(path, body, **{"content-type": CONTENT_TYPE}))

    try:
        yield publish
    finally:
        client.stop()
