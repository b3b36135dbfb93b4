"""Single calls to Pub/Sub, for what does not go over the stream."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs
from google.pubsub_v1.types import PubsubMessage

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.pubsub.clients import PubSubClients
from pullsecret.infrastructure.pubsub.failures import failure
from pullsecret.infrastructure.pubsub.settings import PubSubSettings

REASON: Final = "pullsecret-reason"
"""The attribute of a message put aside that says why."""

_MOST_ATTRIBUTES: Final = 100
"""That a message may have; see https://cloud.google.com/pubsub/quotas#resource_limits."""

_DELETED_TOPIC: Final = "_deleted-topic_"
"""What Pub/Sub calls the topic of a subscription that outlived it."""


@attrs.frozen
class PubSubCalls:
    """Each raises a transient or permanent error, after the configured timeout at the latest."""

    _settings: PubSubSettings
    _clients: PubSubClients

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """Pub/Sub may forget these deliveries."""
        await self._call("settle-event", self._clients.subscriber.acknowledge, ack_ids=list(ack_ids))

    async def modify(self, ack_ids: Sequence[str], seconds: int) -> None:
        """Pub/Sub brings these messages again after ``seconds``; 0 means now."""
        await self._call(
            "settle-event",
            self._clients.subscriber.modify_ack_deadline,
            ack_ids=list(ack_ids),
            ack_deadline_seconds=seconds,
        )

    async def find(self) -> None:
        """The subscription is there with its topic, and Pub/Sub lets us see it."""
        found = await self._call("consume-events", self._clients.subscriber.get_subscription)
        if found.topic == _DELETED_TOPIC:
            path = self._settings.subscription_path
            remedy = "Delete the subscription, and create both anew; 'pullsecret broker check' tells how."
            raise PermanentError(
                "consume-events", path, Reason.WRONG_CONFIGURATION, "Its topic was deleted.", remedy
            )

    async def put_aside(self, data: bytes, attributes: Mapping[str, str], reason: str) -> None:
        """Pub/Sub keeps a message for a person. If it has as many attributes as may be, ``reason`` takes the
        place of one."""
        kept = dict(itertools.islice(attributes.items(), _MOST_ATTRIBUTES - 1))
        await self.publish(self._settings.dead_letter_topic_path, data, {**kept, REASON: reason})

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """Pub/Sub keeps a message for whoever subscribes to ``topic``."""
        message = PubsubMessage(data=data, attributes=attributes)
        try:
            await asyncio.to_thread(
                self._clients.publisher.publish,
                topic=topic,
                messages=[message],
                timeout=self._settings.timeout,
                retry=None,
            )
        except Exception as error:  # the library raises whatever its parts do
            raise failure("publish", topic, error) from None

    async def _call(self, operation: str, call: Callable[..., Any], **given: Any) -> Any:
        path = self._settings.subscription_path
        try:
            return await asyncio.to_thread(
                call, subscription=path, timeout=self._settings.timeout, retry=None, **given
            )
        except Exception as error:  # the library raises whatever its parts do
            raise failure(operation, path, error) from None
