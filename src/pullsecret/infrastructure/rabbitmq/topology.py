"""What must be there at the broker: exchange, queue, queues for postponed events, queue for dead letters."""

import json
import shlex
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs
from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel

from pullsecret.domain.errors import OperationError, TransientError
from pullsecret.infrastructure.intake.operations import Finding
from pullsecret.infrastructure.intake.topology import Topology
from pullsecret.infrastructure.rabbitmq.connection import open_channel
from pullsecret.infrastructure.rabbitmq.failures import failure
from pullsecret.infrastructure.rabbitmq.management import bound_keys
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings

_NO_LIMIT: Final = 1_000_000
"""Newer brokers limit deliveries unless told otherwise; a person may look at a dead letter often."""


@attrs.frozen
class Queue:
    """A durable quorum queue."""

    name: str
    arguments: dict[str, Any]

    def how_to_create(self, virtual_host: str) -> str:
        """A command line."""
        arguments = json.dumps(self.arguments)
        return (
            f"rabbitmqadmin --vhost {shlex.quote(virtual_host)} declare queue name={shlex.quote(self.name)} "
            f"durable=true arguments={shlex.quote(arguments)}"
        )


def queues(settings: RabbitMQSettings) -> Iterator[Queue]:
    """Every queue, in an order in which they can be made."""
    yield Queue(settings.dead_letter_queue, {"x-queue-type": "quorum", "x-delivery-limit": _NO_LIMIT})
    limit = {"x-delivery-limit": settings.delivery_limit}
    yield Queue(settings.queue, _handing_on_to(settings.dead_letter_queue) | limit)
    for delay in settings.delays:
        back = _handing_on_to(settings.queue) | {"x-message-ttl": round(delay * 1000)}
        yield Queue(settings.delay_queue(delay), back)


def _handing_on_to(queue: str) -> dict[str, Any]:
    # At least once: the message stays until the other queue has it. That strategy demands the overflow rule.
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


async def ensure(channel: AbstractChannel, settings: RabbitMQSettings) -> None:
    """Verify the topology, or create what is missing of it, as configured.

    Raises a permanent error naming what is missing, different or not allowed; the channel is then closed.
    Bindings cannot be seen over AMQP, so verifying leaves them out.
    """
    passive = settings.topology is Topology.VERIFY
    subject = settings.exchange
    try:
        await channel.exchange_declare(
            settings.exchange, exchange_type=settings.exchange_type, durable=True, passive=passive
        )
        for queue in queues(settings):
            subject = queue.name
            await channel.queue_declare(
                queue.name, durable=True, passive=passive, arguments=None if passive else queue.arguments
            )
        if not passive:
            for key in settings.binding_keys:
                await channel.queue_bind(settings.queue, settings.exchange, routing_key=key)
    except Exception as error:  # the library raises whatever its parts do
        raise failure("check-topology", subject, error) from None


async def inspect(connection: AbstractConnection, settings: RabbitMQSettings) -> list[Finding]:
    """Look for every part; nothing is created. Bindings are seen where the management plugin is configured.

    Raises an error if the broker or a queue's leader is away, or the plugin does not answer or refuses us.
    """
    host = settings.virtual_host
    declare_exchange = (
        f"rabbitmqadmin --vhost {shlex.quote(host)} declare exchange name={shlex.quote(settings.exchange)} "
        f"type={settings.exchange_type} durable=true"
    )
    findings = [
        await _inspected(
            connection,
            f"exchange {settings.exchange}",
            lambda channel: channel.exchange_declare(settings.exchange, passive=True),
            declare_exchange,
        )
    ]
    for queue in queues(settings):
        create = queue.how_to_create(host)
        findings.append(await _inspected(connection, f"queue {queue.name}", _passively(queue), create))
    return [*findings, *await _inspected_bindings(settings)]


async def _inspected_bindings(settings: RabbitMQSettings) -> list[Finding]:
    host, url = shlex.quote(settings.virtual_host), settings.management_url
    bound = None if url is None else await bound_keys(settings, url)
    findings = []
    for key in settings.binding_keys:
        create = (
            f"rabbitmqadmin --vhost {host} declare binding source={shlex.quote(settings.exchange)} "
            f"destination={shlex.quote(settings.queue)} routing_key={shlex.quote(key)}"
        )
        name = f"binding {settings.exchange} -> {settings.queue} ({key})"
        if bound is None:
            look = f"rabbitmqctl list_bindings --vhost {host} source_name destination_name routing_key"
            findings.append(Finding(name, None, create, look))
        else:
            findings.append(Finding(name, None if key in bound else "There is none.", create))
    return findings


def _passively(queue: Queue) -> Callable[[AbstractChannel], Any]:
    return lambda channel: channel.queue_declare(queue.name, passive=True)


async def _inspected(
    connection: AbstractConnection,
    name: str,
    look: Callable[[AbstractChannel], Any],
    how_to_create: str,
) -> Finding:
    # What is missing closes the channel, so each look has one of its own.
    channel = await open_channel(connection, confirms=False)
    try:
        await look(channel)
        await channel.close()
    except Exception as fault:  # the library raises whatever its parts do
        error: OperationError = failure("check-topology", name, fault)
        if connection.is_closed or isinstance(error, TransientError):
            raise error from None
        return Finding(name, error.cause, how_to_create)
    return Finding(name, None, how_to_create)
