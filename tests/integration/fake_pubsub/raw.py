"""Google's generated clients on the fake, as any other user of Pub/Sub has them."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import grpc
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import Subscription


@attrs.define
class RawPubSub:
    """A topic and one subscription, and blocking calls."""

    publisher: PublisherClient
    subscriber: SubscriberClient
    topic: str = ""
    subscription: str = ""

    def create_topic(self) -> str:
        name = f"projects/example-project/topics/topic-{uuid.uuid4().hex[:8]}"
        self.publisher.create_topic(name=name)
        return name

    def subscribe(self, topic: str, **policies: Any) -> str:
        name = f"projects/example-project/subscriptions/subscription-{uuid.uuid4().hex[:8]}"
        self.subscriber.create_subscription(request=Subscription(name=name, topic=topic, **policies))
        return name

    def publish(self, *data: str, key: str = "", **attributes: str) -> None:
        messages = [{"data": each.encode(), "attributes": attributes, "ordering_key": key} for each in data]
        self.publisher.publish(topic=self.topic, messages=messages)

    def pull(self, most: int = 10, subscription: str | None = None) -> Sequence[Any]:
        """What is there now."""
        request = {
            "subscription": subscription or self.subscription,
            "max_messages": most,
            "return_immediately": True,
        }
        return list(self.subscriber.pull(request=request).received_messages)

    def ack(self, *received: Any) -> None:
        ids = [each.ack_id for each in received]
        self.subscriber.acknowledge(subscription=self.subscription, ack_ids=ids)

    def modify(self, seconds: int, *received: Any) -> None:
        ids = [each.ack_id for each in received]
        self.subscriber.modify_ack_deadline(
            subscription=self.subscription, ack_ids=ids, ack_deadline_seconds=seconds
        )


def data(received: Sequence[Any]) -> list[str]:
    """What was published."""
    return [each.message.data.decode() for each in received]


@contextmanager
def raw_pubsub(address: str, **policies: Any) -> Iterator[RawPubSub]:
    """On whatever serves google.pubsub.v1 at ``address``; ``policies`` are the subscription's."""
    with grpc.insecure_channel(address) as channel:
        raw = RawPubSub(
            PublisherClient(transport=PublisherGrpcTransport(channel=channel)),
            SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)),
        )
        raw.topic = raw.create_topic()
        raw.subscription = raw.subscribe(raw.topic, **policies)
        yield raw
