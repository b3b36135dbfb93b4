"""The broker that brings Sentinel's events."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from pullsecret.domain.events import ClusterEvent


class Delivery(Protocol):
    """One delivery of one event. Exactly one of its methods is called, once."""

    @property
    def event(self) -> ClusterEvent:
        """The event, validated."""
        ...

    @property
    def attempt(self) -> int:
        """Which delivery of this event it is, as far as the broker tells: 1 or more."""
        ...

    async def ack(self) -> None:
        """The event's effect is durable; the broker forgets it."""
        ...

    async def retry(self, delay: float) -> None:
        """Bring the event again, not before about ``delay`` seconds; it does not count as poison.

        Its handling failed: where that goes on event after event, the source may bring fewer of them.
        """
        ...

    async def defer(self, delay: float) -> None:
        """Bring the event again, as :meth:`retry` does. Its turn has not come, which says nothing against
        handling others."""
        ...

    async def dead_letter(self, reason: str) -> None:
        """Put the event aside for a person, with the reason; it does not come again."""
        ...


class Subscription(Protocol):
    """A running subscription."""

    async def receive(self) -> Delivery | None:
        """The next delivery; waits for one. None once the subscription is stopped and drained.

        At most the configured number of deliveries are unsettled at a time; beyond that this waits.
        """
        ...

    async def stop(self) -> None:
        """Take nothing new from the broker; what was received may still be settled."""
        ...

    async def check(self) -> None:
        """Raise what keeps the broker from bringing events just now, a transient or a permanent error."""
        ...


class EventSource(Protocol):
    """CloudEvents about clusters, each delivered at least once until it is settled.

    A message that is no valid event is never delivered: it is put aside with the reason. An unsettled
    delivery comes again when its subscription ends or its consumer dies.
    """

    def subscribe(self) -> AbstractAsyncContextManager[Subscription]:
        """Open a subscription; leaving it returns unsettled deliveries to the broker.

        Lost connections are mended inside. Raises a transient error if the broker cannot be reached at the
        start, a permanent one if it refuses us or lacks the queue.
        """
        ...
