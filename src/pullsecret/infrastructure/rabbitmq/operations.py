"""What an operator asks of RabbitMQ."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import attrs
from aio_pika.abc import AbstractConnection
from aiormq import spec
from aiormq.abc import AbstractChannel, DeliveredMessage

from pullsecret.infrastructure.cloudevents.broker_attributes import http_headers
from pullsecret.infrastructure.intake.operations import EVERY_ONE, DeadLetter, Finding
from pullsecret.infrastructure.rabbitmq import marks, topology
from pullsecret.infrastructure.rabbitmq.connection import connect, open_channel
from pullsecret.infrastructure.rabbitmq.failures import failure
from pullsecret.infrastructure.rabbitmq.outbox import Outbox
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings

_NAME = "pullsecret operator"


def _letter(message: DeliveredMessage) -> DeadLetter:
    headers = http_headers(marks.headers_of(message), message.header.properties.content_type)
    return DeadLetter.of(marks.reason_of(message), headers, message.body)


@attrs.frozen
class RabbitMQOperations:
    """BrokerOperations. Use :func:`rabbitmq_operations` to open it."""

    _settings: RabbitMQSettings
    _connection: AbstractConnection
    _outbox: Outbox

    async def inspect(self) -> Sequence[Finding]:
        """See the protocol."""
        return await topology.inspect(self._connection, self._settings)

    async def publish(self, headers: Mapping[str, str], body: bytes) -> None:
        """See the protocol. Raises a transient error if no queue is bound."""
        properties = spec.Basic.Properties(
            content_type=headers.get("content-type"),
            delivery_mode=2,
            headers={key: value for key, value in headers.items() if key != "content-type"},
        )
        await self._outbox.put(body, properties, exchange=self._settings.exchange)

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """See the protocol."""
        async with self._channel() as channel:
            letters: list[DeadLetter] = []
            while len(letters) < limit and (message := await self._next(channel)) is not None:
                letters.append(_letter(message))
            return letters

    async def requeue(self, letter: str) -> int:
        """See the protocol. They go to the adapter's queue only."""
        async with self._channel() as channel:
            # All are taken before the first is put back: a running adapter may put it aside again at once.
            wanted = []
            while (message := await self._next(channel)) is not None:
                if letter in (EVERY_ONE, _letter(message).id):
                    wanted.append(message)
            for message in wanted:
                await self._outbox.put(message.body, marks.copy_of(message), queue=self._settings.queue)
                assert isinstance(message.delivery, spec.Basic.GetOk)  # noqa: S101 - for the type checker
                await channel.basic_ack(message.delivery.delivery_tag or 0)
        return len(wanted)

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        """Closing it gives back to the queue what was looked at only."""
        try:
            channel = await open_channel(self._connection, confirms=False)
            yield channel
            await channel.close()
        except Exception as error:  # the library raises whatever its parts do
            raise failure("dead-letters", self._settings.dead_letter_queue, error) from None

    async def _next(self, channel: AbstractChannel) -> DeliveredMessage | None:
        message = await channel.basic_get(self._settings.dead_letter_queue)
        return message if isinstance(message.delivery, spec.Basic.GetOk) else None


@asynccontextmanager
async def rabbitmq_operations(settings: RabbitMQSettings) -> AsyncIterator[RabbitMQOperations]:
    """Open as long as the block. Raises a transient or a permanent error."""
    outbox = Outbox(settings, _NAME)
    connection = await connect(settings, _NAME)
    try:
        yield RabbitMQOperations(settings, connection, outbox)
    finally:
        await outbox.close()
        await connection.close()
