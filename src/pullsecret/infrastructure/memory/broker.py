"""The message broker, embedded: at-least-once delivery of raw CloudEvents, redelivery, dead letters."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import attrs

from pullsecret.domain.errors import TransientError
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.cloudevents.codec import Malformed, parse
from pullsecret.infrastructure.memory.faults import FaultScript
from pullsecret.ports.clock import Clock

_WAKE_AT_LEAST_EVERY = 3600.0
_LOOK_FOR_BROKER_EVERY = 1.0


@attrs.frozen
class Message:
    """A message as published: headers and body, not looked into."""

    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)
    deliveries: int = 0
    parsed: ClusterEvent | None = attrs.field(default=None, repr=False, eq=False)
    """What it says, once it was delivered: it may come again many times."""


@attrs.frozen
class DeadLetter:
    """A message put aside, and why."""

    message: Message
    reason: str


@attrs.define
class MemoryBroker:
    """One queue. Publish to it directly; the service reaches it through the port."""

    clock: Clock
    waiting: list[tuple[float, int, Message]] = attrs.field(factory=list)
    """A heap of messages by the time from which they may be delivered."""
    unsettled: int = 0
    dead_letters: list[DeadLetter] = attrs.field(factory=list)
    changed: asyncio.Condition = attrs.field(factory=asyncio.Condition)
    _order: "itertools.count[int]" = attrs.field(factory=itertools.count)

    async def publish(self, headers: Mapping[str, str], body: bytes, delay: float = 0.0) -> None:
        """Take a message; it is delivered after ``delay`` seconds at the earliest."""
        await self.put(Message(dict(headers), body), delay)

    async def put(self, message: Message, delay: float = 0.0) -> None:
        """Queue ``message`` as it is."""
        visible = self.clock.monotonic() + delay
        heapq.heappush(self.waiting, (visible, next(self._order), message))
        await self.wake()

    async def wake(self) -> None:
        """Let every waiting consumer look again."""
        async with self.changed:
            self.changed.notify_all()

    @property
    def empty(self) -> bool:
        """True if every message was settled."""
        return not self.waiting and not self.unsettled


@attrs.define(eq=False)
class MemoryDelivery:
    """Delivery port."""

    event: ClusterEvent
    _message: Message
    _subscription: "MemorySubscription"

    @property
    def attempt(self) -> int:
        """See the port."""
        return self._message.deliveries

    async def ack(self) -> None:
        """See the port."""
        await self._subscription.settle(self, "ack")

    async def retry(self, delay: float) -> None:
        """See the port."""
        await self._subscription.settle(self, "retry", again_after=delay)

    async def defer(self, delay: float) -> None:
        """See the port."""
        await self._subscription.settle(self, "defer", again_after=delay)

    async def dead_letter(self, reason: str) -> None:
        """See the port."""
        await self._subscription.settle(self, "dead-letter", dead_because=reason)

    @property
    def message(self) -> Message:
        """What the broker keeps."""
        return self._message


@attrs.define(eq=False)
class MemorySubscription:
    """Subscription port."""

    broker: MemoryBroker
    _clock: Clock
    _faults: FaultScript
    _prefetch: int
    _in_hand: dict[int, MemoryDelivery] = attrs.field(factory=dict)
    """By order of delivery."""
    _stopped: bool = False

    async def receive(self) -> MemoryDelivery | None:
        """See the port."""
        while True:
            async with self.broker.changed:
                if self._stopped:
                    return None
                message = self._next_visible()
                if message is None:
                    await self._wait_for_change()
                    continue
                delivery = self._deliver(message)
            if delivery is not None:
                return delivery

    async def stop(self) -> None:
        """See the port."""
        self._stopped = True
        await self.broker.wake()

    async def check(self) -> None:
        """See the port. What is embedded is never away."""

    async def close(self) -> None:
        """Return to the broker what was not settled."""
        for delivery in list(self._in_hand.values()):
            await self._give_back(delivery)

    async def settle(
        self,
        delivery: MemoryDelivery,
        how: str,
        again_after: float | None = None,
        dead_because: str | None = None,
    ) -> None:
        """Let the broker take note. A settlement that never arrives leaves the message with the broker,
        which brings it again."""
        try:
            async with self._faults.at(f"event-source.{how}", delivery.event.id, Reason.BROKER_UNAVAILABLE):
                if not self._forget(delivery):
                    return
                if again_after is not None:
                    await self.broker.put(delivery.message, again_after)
                if dead_because is not None:
                    self.broker.dead_letters.append(DeadLetter(delivery.message, dead_because))
        except TransientError:
            await self._give_back(delivery)
            raise
        finally:
            await self.broker.wake()

    @property
    def _reachable(self) -> bool:
        return self._faults.reachable("event-source.receive")

    @property
    def _takes_more(self) -> bool:
        return self._reachable and len(self._in_hand) < self._prefetch

    def _next_visible(self) -> Message | None:
        waiting = self.broker.waiting
        if self._takes_more and waiting and waiting[0][0] <= self._clock.monotonic():
            return heapq.heappop(waiting)[2]
        return None

    def _deliver(self, message: Message) -> MemoryDelivery | None:
        event = message.parsed or parse(message.headers, message.body)
        if isinstance(event, Malformed):
            self.broker.dead_letters.append(DeadLetter(message, event.reason))
            return None
        delivered = attrs.evolve(message, deliveries=message.deliveries + 1, parsed=event)
        delivery = MemoryDelivery(event, delivered, self)
        self._in_hand[id(delivery)] = delivery
        self.broker.unsettled += 1
        return delivery

    def _forget(self, delivery: MemoryDelivery) -> bool:
        if self._in_hand.pop(id(delivery), None) is None:
            return False
        self.broker.unsettled -= 1
        return True

    async def _give_back(self, delivery: MemoryDelivery) -> None:
        if self._forget(delivery):
            await self.broker.put(delivery.message)

    async def _wait_for_change(self) -> None:
        wait = _WAKE_AT_LEAST_EVERY
        if not self._reachable:
            wait = _LOOK_FOR_BROKER_EVERY
        elif self.broker.waiting and self._takes_more:
            wait = max(0.0, self.broker.waiting[0][0] - self._clock.monotonic())
        try:
            async with asyncio.timeout(wait):
                await self.broker.changed.wait()
        except TimeoutError:
            return


@attrs.frozen
class MemoryEventSource:
    """EventSource port on a :class:`MemoryBroker`; any number of replicas may subscribe."""

    broker: MemoryBroker
    clock: Clock
    faults: FaultScript
    prefetch: int = 100

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[MemorySubscription]:
        """See the port."""
        subscription = MemorySubscription(self.broker, self.clock, self.faults, self.prefetch)
        try:
            yield subscription
        finally:
            await subscription.close()
