"""Puts messages into queues, on a connection of its own."""

import asyncio
from contextlib import suppress

from aio_pika.abc import AbstractConnection
from aiormq import spec
from aiormq.abc import AbstractChannel

from pullsecret.domain.errors import TransientError
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.rabbitmq.connection import connect, open_channel
from pullsecret.infrastructure.rabbitmq.failures import failure
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings

_CLOSING = 3.0


class Outbox:
    """Opened when it is first needed, and again when it was lost.

    A broker with an alarm stops reading from connections that publish; acknowledgements go over another one
    and still arrive.
    """

    def __init__(self, settings: RabbitMQSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()

    async def put(
        self,
        body: bytes,
        properties: spec.Basic.Properties,
        *,
        queue: str = "",
        exchange: str = "",
        key: str = "",
    ) -> None:
        """Return once the broker keeps the message, in ``queue`` or wherever ``exchange`` leads with ``key``.

        Raises an error if it does not within ``publish_timeout``; it may keep the message nevertheless.
        """
        subject = queue or exchange
        try:
            async with asyncio.timeout(self._settings.publish_timeout):
                channel = await self._open()
                answer = await channel.basic_publish(
                    body, exchange=exchange, routing_key=queue or key, properties=properties, mandatory=True
                )
        except Exception as error:  # the library raises whatever its parts do
            raise failure("publish", subject, error) from None
        if not isinstance(answer, spec.Basic.Ack):
            cause = "No queue takes the message."
            remedy = "Run 'pullsecret broker check'; it tells what is missing."
            raise TransientError("publish", subject, Reason.BROKER_UNAVAILABLE, cause, remedy)

    async def _open(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                await self._drop()
                self._connection = await connect(self._settings, self._name)
                self._channel = await open_channel(self._connection, confirms=True)
            return self._channel

    async def _drop(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                async with asyncio.timeout(_CLOSING):
                    await self._connection.close()
        self._connection = self._channel = None

    async def close(self) -> None:
        """Close the connection, if there is one."""
        await self._drop()
