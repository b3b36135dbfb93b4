"""EventSource on Google Cloud Pub/Sub: streaming pull, leases extended while an event is in hand."""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

import attrs
from google.cloud.pubsub_v1.subscriber.futures import StreamingPullFuture
from google.cloud.pubsub_v1.subscriber.message import Message
from google.cloud.pubsub_v1.subscriber.scheduler import ThreadScheduler
from google.cloud.pubsub_v1.types import FlowControl

from pullsecret.domain.backoff import Backoff
from pullsecret.domain.errors import OperationError
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import CircuitChanged, CircuitState, EventPutAside, Interrupted
from pullsecret.infrastructure.cloudevents.broker_attributes import http_headers
from pullsecret.infrastructure.cloudevents.codec import Malformed, parse
from pullsecret.infrastructure.intake.circuit import IntakeCircuit
from pullsecret.infrastructure.intake.inbox import Inbox
from pullsecret.infrastructure.pubsub.calls import PubSubCalls
from pullsecret.infrastructure.pubsub.clients import PubSubClients
from pullsecret.infrastructure.pubsub.failures import failure
from pullsecret.infrastructure.pubsub.settings import PubSubSettings
from pullsecret.infrastructure.pubsub.topology import ensure
from pullsecret.ports.clock import Clock
from pullsecret.ports.telemetry import Telemetry

_RECONNECT: Final = Backoff(initial=0.5, factor=2, maximum=30)
_MAX_DELAY: Final = 600
_STRETCHED_AFTER: Final = 20
_DOUBLED_EVERY: Final = 8
_DOUBLED_AT_MOST: Final = 10
"""Which makes more than the longest delay."""
_AGAIN_AFTER: Final = 5
_LEASE_AFTER_STOP: Final = 60
_AT_ONCE: Final = 0


def stretched(delay: float, attempt: int) -> int:
    """Whole seconds to postpone a message for that was delivered ``attempt`` times, 600 at most.

    Pub/Sub counts every delivery against the dead letter policy. From the twentieth on the delay therefore
    has a floor, which doubles every eight deliveries: good events outlast an outage of hours.
    """
    doubled = (attempt - _STRETCHED_AFTER) / _DOUBLED_EVERY
    floor = 0.0 if doubled <= 0 else 2.0 ** min(doubled, _DOUBLED_AT_MOST)
    return min(_MAX_DELAY, math.ceil(max(delay, floor)))


@attrs.frozen(eq=False)
class PubSubDelivery:
    """Delivery port."""

    event: ClusterEvent
    message: Message
    _subscription: "PubSubSubscription"

    @property
    def attempt(self) -> int:
        """See the port; always 1 where the subscription has no dead letter policy."""
        return self.message.delivery_attempt or 1

    async def ack(self) -> None:
        """See the port. With exactly-once delivery it returns once Pub/Sub confirmed it; raises a transient
        error if the event will come again."""
        await self._subscription.acknowledge(self.message)
        self._subscription.circuit.handled()

    async def retry(self, delay: float) -> None:
        """See the port. At most ten minutes, which is the longest that Pub/Sub waits."""
        self._subscription.circuit.failed(delay)
        await self._later(delay)

    async def defer(self, delay: float) -> None:
        """See the port, and :meth:`retry`."""
        self._subscription.circuit.handled()
        await self._later(delay)

    async def _later(self, delay: float) -> None:
        await self._subscription.postpone(self.message, stretched(delay, self.attempt))

    async def dead_letter(self, reason: str) -> None:
        """See the port. Raises an error if Pub/Sub does not keep the message; it then comes again."""
        await self._subscription.put_aside(self.message, reason)
        self._subscription.circuit.handled()


class PubSubSubscription:
    """Subscription port. Google's client runs in threads of its own; what it delivers comes to the event
    loop."""

    def __init__(
        self,
        settings: PubSubSettings,
        clients: PubSubClients,
        clock: Clock,
        telemetry: Telemetry,
        prefetch: int,
    ) -> None:
        self.circuit = IntakeCircuit(settings.pause, clock)
        self._settings = settings
        self._clients = clients
        self._calls = PubSubCalls(settings, clients)
        self._clock = clock
        self._telemetry = telemetry
        self._prefetch = prefetch
        self._inbox: Inbox[PubSubDelivery] = Inbox(self.circuit)
        self._in_hand: dict[Message, int] = {}
        """And which stream brought each."""
        self._loop = asyncio.get_running_loop()
        self._stream: StreamingPullFuture | None = None
        self._running: int | None = None
        """Which stream is open, and so takes what is settled."""
        self._streams = itertools.count()
        self._keeping: asyncio.Task[None] | None = None
        self._putting: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin. Raises a transient or a permanent error."""
        await asyncio.to_thread(ensure, self._clients, self._settings)
        self._keeping = asyncio.create_task(self._keep())

    async def receive(self) -> PubSubDelivery | None:
        """See the port."""
        return await self._inbox.receive()

    async def stop(self) -> None:
        """See the port. What nobody has received yet goes to other replicas."""
        unreceived = [delivery.message for delivery in self._inbox.stop()]
        await self._end_stream()
        await self._give_back(unreceived)
        # Nobody extends their leases any more.
        await self._lease(list(self._in_hand), _LEASE_AFTER_STOP)

    async def check(self) -> None:
        """See the port. It looks for the subscription, since Google's client mends its stream silently."""
        await self._calls.find()

    async def close(self) -> None:
        """End. Pub/Sub takes back what is not settled."""
        if self._putting:
            # What is being put aside would only come again to be put aside.
            await asyncio.wait(self._putting, timeout=self._settings.timeout)
        self._inbox.stop()
        await self._end_stream()
        await self._give_back(list(self._in_hand))

    async def _end_stream(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None
        self._running = None
        stream, self._stream = self._stream, None
        if stream is not None:
            self._clients.streams.open_no_more()
            stream.cancel()
            with suppress(Exception):
                await asyncio.to_thread(stream.result, self._settings.shutdown_timeout)

    async def _give_back(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._in_hand.pop(message, None)
        await self._lease(messages, _AT_ONCE)

    async def _lease(self, messages: Sequence[Message], seconds: int) -> None:
        if messages:
            with suppress(OperationError):  # the leases end by themselves
                await self._calls.modify([message.ack_id for message in messages], seconds)

    async def acknowledge(self, message: Message) -> None:
        """Pub/Sub may forget ``message``. Raises a transient error if it cannot be told; it comes again."""
        if self._taken_out(message):
            await self._told(message.ack_with_response())
        else:
            await self._calls.acknowledge([message.ack_id])

    async def postpone(self, message: Message, seconds: int) -> None:
        """Let ``message`` come again. Raises a transient error if Pub/Sub cannot be told; it does so
        anyway."""
        if not self._taken_out(message):
            await self._calls.modify([message.ack_id], seconds)
        elif seconds:
            told = message.modify_ack_deadline_with_response(seconds)
            message.drop()
            await self._told(told)
        else:
            await self._told(message.nack_with_response())

    def _taken_out(self, message: Message) -> bool:
        """Whether the stream that brought ``message`` is open; Google's client tells no other."""
        return self._in_hand.pop(message, None) == self._running is not None

    async def _told(self, told: "Future[Any]") -> None:
        try:
            async with asyncio.timeout(self._settings.timeout):
                await asyncio.wrap_future(told)
        except Exception as error:  # the library raises whatever its parts do
            raise failure("settle-event", self._settings.subscription_path, error) from None

    async def put_aside(self, message: Message, reason: str) -> None:
        """Keep ``message`` for a person. Raises an error if Pub/Sub does not; it then comes again."""
        try:
            await self._calls.put_aside(message.data, message.attributes, reason)
        except OperationError:
            with suppress(OperationError):
                await self.postpone(message, _AGAIN_AFTER)
            raise
        await self.acknowledge(message)
        self._telemetry.record(EventPutAside(reason))

    def _from_thread(self, stream: int, message: Message) -> None:
        with suppress(RuntimeError):  # the loop is closed: the lease runs out
            self._loop.call_soon_threadsafe(self._arrive, stream, message)

    def _arrive(self, stream: int, message: Message) -> None:
        self._in_hand[message] = stream
        if self._inbox.stopped:
            return  # given back at the end
        event = parse(http_headers(message.attributes), message.data)
        if isinstance(event, Malformed):
            task = asyncio.create_task(self._put_malformed_aside(message, event.reason))
            self._putting.add(task)
            task.add_done_callback(self._putting.discard)
        else:
            # An event that names no time happened just before it was published, as far as we know.
            dated = attrs.evolve(event, time=event.time or message.publish_time)
            self._inbox.put(PubSubDelivery(dated, message, self))

    async def _put_malformed_aside(self, message: Message, reason: str) -> None:
        try:
            await self.put_aside(message, reason)
        except OperationError as error:
            self._telemetry.record(Interrupted("put-aside", _AGAIN_AFTER, error))

    async def _keep(self) -> None:
        """Replace streams that ended; Google's client mends all but what it takes for final."""
        attempt = 0
        while True:
            opened = self._clock.monotonic()
            error = await self._stream_until_it_ends()
            self._running = None
            self._telemetry.record(CircuitChanged("pubsub", CircuitState.OPEN))
            if self._clock.monotonic() - opened > _RECONNECT.maximum:
                attempt = 0
            attempt = await self._wait_until_all_is_there(error, attempt)
            self._telemetry.record(CircuitChanged("pubsub", CircuitState.CLOSED))

    async def _wait_until_all_is_there(self, error: OperationError, attempt: int) -> int:
        while True:
            attempt += 1
            pause = _RECONNECT.pause(attempt, self._clock.chance())
            self._telemetry.record(Interrupted("consume-events", pause, error))
            await self._clock.sleep(pause)
            try:
                await asyncio.to_thread(ensure, self._clients, self._settings)
            except OperationError as missing:
                error = missing
            else:
                return attempt

    async def _stream_until_it_ends(self) -> OperationError:
        path = self._settings.subscription_path
        flow = FlowControl(
            max_messages=self._prefetch,
            max_bytes=self._settings.max_bytes,
            max_lease_duration=self._settings.max_lease,
            max_duration_per_lease_extension=self._settings.ack_deadline,
        )
        scheduler = ThreadScheduler(ThreadPoolExecutor(max_workers=1, thread_name_prefix="pubsub"))
        self._running = next(self._streams)
        try:
            self._stream = self._clients.subscriber.subscribe(
                path, partial(self._from_thread, self._running), flow_control=flow, scheduler=scheduler
            )
            await _ended(self._stream)
        except Exception as error:  # the library raises whatever its parts do
            return failure("consume-events", path, error)
        return failure("consume-events", path, ConnectionError("ended"))


async def _ended(stream: StreamingPullFuture) -> None:
    """Return or raise as ``stream`` does; being cancelled leaves it alone."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def tell(_: object) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(done.set)

    stream.add_done_callback(tell)
    await done.wait()
    if error := stream.exception(timeout=0):
        raise error


@attrs.frozen
class PubSubEventSource:
    """EventSource port; any number of replicas may subscribe."""

    settings: PubSubSettings
    clock: Clock
    telemetry: Telemetry
    prefetch: int = 50
    """Deliveries unsettled at a time: as many as are handled at once."""

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[PubSubSubscription]:
        """See the port."""
        clients = await asyncio.to_thread(PubSubClients, self.settings)
        subscription = PubSubSubscription(self.settings, clients, self.clock, self.telemetry, self.prefetch)
        try:
            await subscription.open()
            yield subscription
        finally:
            await subscription.close()
            await asyncio.to_thread(clients.close)
