"""What an operator asks of Pub/Sub."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
from google.api_core import exceptions

from pullsecret.infrastructure.cloudevents.broker_attributes import http_headers
from pullsecret.infrastructure.intake.operations import EVERY_ONE, DeadLetter, Finding
from pullsecret.infrastructure.pubsub import topology
from pullsecret.infrastructure.pubsub.calls import REASON, PubSubCalls
from pullsecret.infrastructure.pubsub.clients import PubSubClients
from pullsecret.infrastructure.pubsub.failures import failure
from pullsecret.infrastructure.pubsub.settings import PubSubSettings

_AT_A_TIME = 100
_EMPTY_AFTER = 3.0
_HELD = 600
"""Seconds in which nobody else gets what was pulled, the most that Pub/Sub allows."""
_FORWARDED = "CloudPubSubDeadLetterSourceDeliveryCount"
"""Pub/Sub's own attribute of what its dead letter policy forwarded."""


def _letter(message: Any) -> DeadLetter:
    attributes = dict(message.attributes)
    reason = attributes.get(REASON)
    if reason is None:
        count = attributes.get(_FORWARDED)
        reason = f"delivered {count} times without being settled" if count else "unknown"
    return DeadLetter.of(reason, http_headers(attributes), message.data)


@attrs.frozen
class PubSubOperations:
    """BrokerOperations. Use :func:`pubsub_operations` to open it."""

    _settings: PubSubSettings
    _clients: PubSubClients
    _calls: PubSubCalls

    async def inspect(self) -> Sequence[Finding]:
        """See the protocol."""
        return await asyncio.to_thread(topology.inspect, self._clients, self._settings)

    async def publish(self, headers: Mapping[str, str], body: bytes) -> None:
        """See the protocol."""
        await self._calls.publish(self._settings.topic_path, body, headers)

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """See the protocol. Nobody else sees them meanwhile; if this is cut short, for ten minutes."""
        pulled = await self._pull(limit)
        await self._settle("modify_ack_deadline", pulled, ack_deadline_seconds=0)
        return [_letter(each.message) for each in pulled]

    async def requeue(self, letter: str) -> int:
        """See the protocol. They go to the topic, and so to all of its subscriptions."""
        pulled = await self._pull(None)
        wanted = [each for each in pulled if letter in (EVERY_ONE, _letter(each.message).id)]
        for each in wanted:
            attributes = {key: value for key, value in each.message.attributes.items() if not _is_mark(key)}
            await self._calls.publish(self._settings.topic_path, each.message.data, attributes)
            await self._settle("acknowledge", [each])
        others = [each for each in pulled if each not in wanted]
        await self._settle("modify_ack_deadline", others, ack_deadline_seconds=0)
        return len(wanted)

    async def _pull(self, limit: int | None) -> list[Any]:
        pulled: list[Any] = []
        path = self._settings.dead_letter_subscription_path
        while limit is None or len(pulled) < limit:
            count = _AT_A_TIME if limit is None else min(_AT_A_TIME, limit - len(pulled))
            try:
                answer = await asyncio.to_thread(
                    self._clients.subscriber.pull,
                    subscription=path,
                    max_messages=count,
                    timeout=_EMPTY_AFTER,
                    retry=None,
                )
            except exceptions.DeadlineExceeded:
                break
            except Exception as error:  # the library raises whatever its parts do
                raise failure("dead-letters", path, error) from None
            if not answer.received_messages:
                break
            # Else the first would come again while the last are pulled.
            await self._settle("modify_ack_deadline", answer.received_messages, ack_deadline_seconds=_HELD)
            pulled.extend(answer.received_messages)
        return pulled

    async def _settle(self, call: str, messages: Sequence[Any], **given: Any) -> None:
        path = self._settings.dead_letter_subscription_path
        if not messages:
            return
        try:
            await asyncio.to_thread(
                getattr(self._clients.subscriber, call),
                subscription=path,
                ack_ids=[message.ack_id for message in messages],
                timeout=self._settings.timeout,
                retry=None,
                **given,
            )
        except Exception as error:  # the library raises whatever its parts do
            raise failure("dead-letters", path, error) from None


def _is_mark(attribute: str) -> bool:
    return attribute == REASON or attribute.startswith("CloudPubSubDeadLetter")


@asynccontextmanager
async def pubsub_operations(settings: PubSubSettings) -> AsyncIterator[PubSubOperations]:
    """Open as long as the block. Raises a permanent error where no identity can be found."""
    clients = await asyncio.to_thread(PubSubClients, settings)
    try:
        yield PubSubOperations(settings, clients, PubSubCalls(settings, clients))
    finally:
        await asyncio.to_thread(clients.close)
