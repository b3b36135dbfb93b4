"""What the tests need around the adapter: a subscription of their own, a publisher, the dead letters."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
from google.pubsub_v1 import PublisherClient as GapicPublisher

from pullsecret.domain.events import ClusterEvent
from pullsecret.infrastructure.cloudevents.codec import Mode, render
from pullsecret.infrastructure.intake.topology import Topology
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.infrastructure.pubsub.calls import REASON
from pullsecret.infrastructure.pubsub.clients import PubSubClients
from pullsecret.infrastructure.pubsub.event_source import PubSubEventSource
from pullsecret.infrastructure.pubsub.settings import PubSubSettings
from pullsecret.infrastructure.pubsub.topology import ensure
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.patience import PATIENCE


def pubsub_settings(**given: Any) -> PubSubSettings:
    """Settings with a topic and subscriptions of their own, which the adapter creates."""
    defaults: dict[str, Any] = {
        "project": "hyperfleet-test",
        "topic": f"clusters-{uuid.uuid4().hex[:8]}",
        "topology": Topology.CREATE,
        "ack_deadline": 10,
        "retry_minimum": 0.0,
        "retry_maximum": 0.1,
    }
    return PubSubSettings(**{**defaults, **given})


def batched(events: Sequence[ClusterEvent], size: int) -> Iterator[Sequence[ClusterEvent]]:
    """So many at a time."""
    return (events[start : start + size] for start in range(0, len(events), size))


@attrs.define
class PubSubHarness:
    """See the contract suite."""

    settings: PubSubSettings
    clients: PubSubClients
    prefetch: int = 3
    patience: float = PATIENCE
    moment: float = 0.4
    mode: Mode = Mode.STRUCTURED
    ordering_keys: bool = False
    telemetry: MemoryTelemetry = attrs.field(factory=MemoryTelemetry)
    source: PubSubEventSource = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.source = self.another_replica()

    def another_replica(self) -> PubSubEventSource:
        return PubSubEventSource(self.settings, SystemClock(), self.telemetry, self.prefetch)

    async def publish(self, event: ClusterEvent) -> None:
        await self.publish_raw(*render(event, self.mode), key=event.cluster_id.value)

    async def publish_raw(self, headers: Mapping[str, str], body: bytes, key: str = "") -> None:
        # Pub/Sub takes no message with neither data nor attributes.
        attributes = dict(headers) or {"_watermill_message_uuid": "1"}
        message = {
            "data": body,
            "attributes": attributes,
            "ordering_key": key if self.ordering_keys else "",
        }
        await asyncio.to_thread(
            GapicPublisher.publish,
            self.clients.publisher,
            topic=self.settings.topic_path,
            messages=[message],
        )

    async def publish_all(self, events: Sequence[ClusterEvent]) -> None:
        """Publish many events, which is quicker together."""
        for batch in batched(events, 500):
            messages = [
                {"data": body, "attributes": headers}
                for headers, body in (render(event, self.mode) for event in batch)
            ]
            await asyncio.to_thread(
                GapicPublisher.publish,
                self.clients.publisher,
                topic=self.settings.topic_path,
                messages=messages,
            )

    async def dead_letters(self) -> Sequence[str]:
        path = self.settings.dead_letter_subscription_path
        answer = await asyncio.to_thread(
            self.clients.subscriber.pull,
            request={"subscription": path, "max_messages": 100, "return_immediately": True},
        )
        return [each.message.attributes.get(REASON, "") for each in answer.received_messages]


@asynccontextmanager
async def pubsub_harness(settings: PubSubSettings, **given: Any) -> AsyncIterator[PubSubHarness]:
    """A harness with topic and subscriptions in place."""
    clients = await asyncio.to_thread(PubSubClients, settings)
    try:
        await asyncio.to_thread(ensure, clients, settings)
        yield PubSubHarness(settings, clients, **given)
    finally:
        await asyncio.to_thread(clients.close)
