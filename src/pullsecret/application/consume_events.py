"""Takes events from the broker, handles them side by side, and settles each one exactly once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import attrs

from pullsecret.application.handle_event import HandleEvent
from pullsecret.application.keyed_locks import ClusterLocks
from pullsecret.application.outcomes import Finalized, JobSubmitted, Outcome, Postponed, Refused
from pullsecret.application.turns import Turns
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.errors import OperationError, TransientError
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import EventOutcome, EventPostponed, EventSettled, EventTaken, InternalFault
from pullsecret.domain.identifiers import ClusterId
from pullsecret.ports.clock import Clock
from pullsecret.ports.event_source import Delivery, EventSource, Subscription
from pullsecret.ports.telemetry import Telemetry

_LOOKS_PER_SECOND: Final = 50.0
"""Of events whose clusters are busy. A look takes milliseconds of the API's and of this process's time."""


@attrs.frozen
class ConsumePolicy:
    """How events are taken."""

    concurrency: int = attrs.field(default=50, validator=attrs.validators.ge(1))
    """Events handled at once; those of one cluster are handled one after the other."""
    busy_pause: Backoff = attrs.field(factory=lambda: Backoff(initial=2, factor=1.5, maximum=30))
    """Until an event whose cluster is being worked on comes again: growing, so that a long queue of jobs
    makes no flood of events that look whether it is their turn. Where thousands wait, each waits longer."""
    redelivery: Backoff = attrs.field(factory=lambda: Backoff(initial=1, factor=2, maximum=120))
    """Until an event whose handling failed comes again."""


@attrs.frozen
class ConsumeEvents:
    """The adapter's intake. An event is acknowledged only when its effect is durable."""

    source: EventSource
    handle: HandleEvent
    clock: Clock
    telemetry: Telemetry
    policy: ConsumePolicy
    on_submitted: Callable[[], None]
    """Called after each hand-over."""
    _locks: ClusterLocks = attrs.field(factory=ClusterLocks, init=False)
    _turns: Turns = attrs.field(factory=lambda: Turns(_LOOKS_PER_SECOND), init=False)

    async def __call__(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set, then take nothing new, finish what is in hand, and return."""
        async with self.source.subscribe() as subscription, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stop_when(stop, subscription))
            room = asyncio.Semaphore(self.policy.concurrency)
            while True:
                await room.acquire()
                delivery = await subscription.receive()
                if delivery is None:
                    break
                task = tasks.create_task(self._settle_observed(delivery))
                task.add_done_callback(lambda _: room.release())

    async def _stop_when(self, stop: asyncio.Event, subscription: Subscription) -> None:
        """It ends after the receiving: cut short, it would leave the broker bringing events."""
        await stop.wait()
        await subscription.stop()

    async def _settle_observed(self, delivery: Delivery) -> None:
        event, taken = delivery.event, self.clock.monotonic()
        outcome = EventOutcome.POSTPONED  # what becomes of an event that we are stopped in
        self.telemetry.record(EventTaken(event.cluster_id, self._age(event)))
        try:
            outcome = await self._settle(delivery)
        finally:
            duration = self.clock.monotonic() - taken
            self.telemetry.record(EventSettled(event.cluster_id, outcome, duration))

    def _age(self, event: ClusterEvent) -> float | None:
        if event.time is None:
            return None
        return max(0.0, (self.clock.now() - event.time).total_seconds())

    async def _settle(self, delivery: Delivery) -> EventOutcome:
        cluster_id = delivery.event.cluster_id
        try:
            async with self._locks.hold(cluster_id):
                outcome = await self.handle(delivery.event)
        except OperationError as error:
            # Also a permanent one: what refuses the adapter itself a person mends, and the event waits.
            asked = error.retry_after if isinstance(error, TransientError) else None
            await self._postpone(delivery, str(error), asked or 0.0)
        except Exception as error:
            self.telemetry.record(InternalFault("handle-event", type(error).__name__, cluster_id))
            await self._postpone(delivery, "internal fault")
        else:
            if isinstance(outcome, Postponed):
                pause = self.policy.busy_pause.pause(delivery.attempt, self.clock.chance())
                delay = self._turns.pause(self.clock.monotonic(), pause)
                self.telemetry.record(EventPostponed(cluster_id, delay, outcome.cause))
                await self._tell_broker(cluster_id, delivery.defer(delay), delay)
                return EventOutcome.POSTPONED
            await self._tell_broker(cluster_id, delivery.ack())
            if isinstance(outcome, JobSubmitted):
                self.on_submitted()
            return _told(outcome)
        return EventOutcome.POSTPONED

    async def _postpone(self, delivery: Delivery, cause: str, at_least: float = 0.0) -> None:
        delay = self.policy.redelivery.pause(delivery.attempt, self.clock.chance(), at_least)
        cluster_id = delivery.event.cluster_id
        self.telemetry.record(EventPostponed(cluster_id, delay, cause))
        await self._tell_broker(cluster_id, delivery.retry(delay), delay)

    async def _tell_broker(
        self, cluster_id: ClusterId, settlement: Awaitable[None], delay: float = 0.0
    ) -> None:
        """An answer that gets lost only brings the event again, which is harmless."""
        try:
            await settlement
        except OperationError as error:
            self.telemetry.record(EventPostponed(cluster_id, delay, str(error)))


def _told(outcome: Outcome) -> EventOutcome:
    match outcome:
        case JobSubmitted():
            return EventOutcome.SUBMITTED
        case Refused():
            return EventOutcome.REFUSED
        case Finalized():
            return EventOutcome.FINALIZED
        case _:
            return EventOutcome.SKIPPED
