"""One consuming connection, from sign-in until it is lost."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel, DeliveredMessage

from pullsecret.domain.errors import OperationError, TransientError
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.rabbitmq.connection import connect, open_channel
from pullsecret.infrastructure.rabbitmq.failures import failure
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.infrastructure.rabbitmq.topology import ensure

_CLOSING = 3.0
# What the libraries log is told as a fact instead, once.
for _library in ("aiormq", "aio_pika", "pamqp"):
    logging.getLogger(_library).addHandler(logging.NullHandler())

Arrive = Callable[["Session", DeliveredMessage], Coroutine[Any, Any, None]]


class Session:
    """Settles what it delivered; what it did not settle the broker brings again after it."""

    def __init__(
        self, settings: RabbitMQSettings, connection: AbstractConnection, channel: AbstractChannel
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._channel = channel
        self._consumer_tag: str | None = None
        self.lost: asyncio.Future[OperationError] = asyncio.get_running_loop().create_future()
        """Done, with the cause, once nothing comes any more."""

    @classmethod
    async def open(cls, settings: RabbitMQSettings, name: str, prefetch: int, arrive: Arrive) -> "Session":
        """Connect, see to the topology, and consume. Raises a transient or a permanent error."""
        connection = await connect(settings, name)
        try:
            channel = await open_channel(connection, confirms=False)
            session = cls(settings, connection, channel)
            await ensure(channel, settings)
            await session._consume(prefetch, arrive)
        except BaseException as error:
            await _closed(connection)
            if isinstance(error, Exception):
                raise failure("subscribe", settings.queue, error) from None
            raise
        return session

    async def _consume(self, prefetch: int, arrive: Arrive) -> None:
        def arrived(message: DeliveredMessage) -> Coroutine[Any, Any, None]:
            return arrive(self, message)

        self._channel.closing.add_done_callback(self._on_closed)
        self._channel.on_consumer_cancel_callbacks.add(self._on_cancelled)
        await self._channel.basic_qos(prefetch_count=prefetch)
        answer = await self._channel.basic_consume(self._settings.queue, arrived)
        self._consumer_tag = answer.consumer_tag

    def _on_closed(self, closing: "asyncio.Future[Any]") -> None:
        error = None if closing.cancelled() else closing.exception()
        self._lose(failure("consume-events", self._settings.queue, error or ConnectionError("closed")))

    async def _on_cancelled(self, _frame: object) -> None:
        cause = "RabbitMQ ended the subscription: the queue was deleted or moved."
        self._lose(TransientError("consume-events", self._settings.queue, Reason.BROKER_UNAVAILABLE, cause))

    def _lose(self, cause: OperationError) -> None:
        if not self.lost.done():
            self.lost.set_result(cause)

    async def waiting(self) -> int:
        """How many messages wait in the queue. Raises an error if the session is lost."""
        try:
            async with asyncio.timeout(self._settings.heartbeat * 3):
                answer = await self._channel.queue_declare(self._settings.queue, passive=True)
        except Exception as error:  # the library raises whatever its parts do
            cause = failure("consume-events", self._settings.queue, error)
            self._lose(cause)
            raise cause from None
        return answer.message_count or 0

    async def ack(self, tag: int) -> None:
        """The broker may forget the message. Raises a transient error if it cannot be told."""
        self._check()
        try:
            await self._channel.basic_ack(tag, wait=False)
        except Exception as error:  # the library raises whatever its parts do
            raise failure("settle-event", self._settings.queue, error) from None

    async def give_back(self, tag: int) -> None:
        """The broker brings the message again at once; if it cannot be told, when it finds out itself."""
        with suppress(Exception):
            await self._channel.basic_nack(tag, requeue=True, wait=False)

    def _check(self) -> None:
        if self.lost.done():
            cause = "The connection the event came by is gone; it comes again."
            raise TransientError("settle-event", self._settings.queue, Reason.BROKER_UNAVAILABLE, cause, "")

    async def cancel(self) -> None:
        """Take no further message."""
        if self._consumer_tag is not None and not self.lost.done():
            with suppress(Exception):
                async with asyncio.timeout(_CLOSING):
                    await self._channel.basic_cancel(self._consumer_tag)

    async def close(self) -> None:
        """Close the connection; the broker takes back what is not settled."""
        self._lose(
            TransientError("consume-events", self._settings.queue, Reason.BROKER_UNAVAILABLE, "closed")
        )
        await _closed(self._connection)


async def _closed(connection: AbstractConnection) -> None:
    with suppress(Exception):
        async with asyncio.timeout(_CLOSING):
            await connection.close()
